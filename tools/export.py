"""`gluon-hash export` in a checkout."""

import _checkout

_checkout.run("export")
