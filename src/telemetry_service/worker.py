"""`python -m telemetry_service.worker`: the background process that `serve` starts."""

from telemetry_service.bootstrap.background import run_worker

if __name__ == "__main__":
    run_worker()
