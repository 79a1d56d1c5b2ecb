"""Tests against real servers: `make services` installs them, `make test-services` runs these."""
