"""`gluon-hash runs` in a checkout."""

import _checkout

_checkout.run("runs")
