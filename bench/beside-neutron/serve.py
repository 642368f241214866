"""Serves Neutron's API on port 9777. OS_NEUTRON_CONFIG_FILES names its settings."""

import sys

sys.argv = ["neutron-api"]

from neutron.wsgi.api import application  # noqa: E402
from waitress import serve  # noqa: E402

serve(application, host="127.0.0.1", port=9777, threads=4)
