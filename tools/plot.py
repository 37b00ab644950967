"""`gluon-hash plot` in a checkout."""

import _checkout

_checkout.run("plot")
