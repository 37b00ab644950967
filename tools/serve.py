"""`gluon-hash serve` in a checkout."""

import _checkout

_checkout.run("serve")
