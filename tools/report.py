"""`gluon-hash report` in a checkout."""

import _checkout

_checkout.run("report")
