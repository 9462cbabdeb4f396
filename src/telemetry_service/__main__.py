"""`python -m telemetry_service`: the command line."""

from telemetry_service.cli import main

if __name__ == "__main__":
    main()
