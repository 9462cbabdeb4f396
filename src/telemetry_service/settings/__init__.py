"""What the operator decided: environment variables, read once."""

from telemetry_service.settings.parsing import Network
from telemetry_service.settings.reading import InvalidSettings, Settings, from_environ, warnings
from telemetry_service.settings.secret import Secret
from telemetry_service.settings.table import RETIRED, SETTINGS

__all__ = ["RETIRED", "SETTINGS", "InvalidSettings", "Network", "Secret", "Settings", "from_environ", "warnings"]
