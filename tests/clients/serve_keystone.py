"""Serves a Keystone on the loopback: serve_keystone.py FOLDER PORT. Its settings are in the folder."""

import os
import sys

folder, port = sys.argv[1:]
os.environ["OS_KEYSTONE_CONFIG_FILES"] = os.path.join(folder, "keystone.conf")
# Keystone reads the command line as its own.
sys.argv = ["keystone"]

from keystone.wsgi.api import application  # noqa: E402
from waitress import serve  # noqa: E402

serve(application, host="127.0.0.1", port=int(port), threads=4)
