"""`python -m telemetry_service.mirror`: the process that mirrors, which `serve` starts where a mirror is in use."""

from telemetry_service.bootstrap.mirroring import run_mirror

if __name__ == "__main__":
    run_mirror()
