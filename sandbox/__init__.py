"""A local exchange over HTTP, for the demo and the tests. The product never imports it."""
