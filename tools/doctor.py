"""`gluon-hash doctor` in a checkout."""

import _checkout

_checkout.run("doctor")
