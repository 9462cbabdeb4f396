"""`python -m telemetry_service.reader`: the process that reads what is imported, which `import` starts."""

from telemetry_service.bootstrap.reading import run_reader

if __name__ == "__main__":
    run_reader()
