"""`gluon-hash encode` in a checkout."""

import _checkout

_checkout.run("encode")
