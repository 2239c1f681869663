"""How the queue is seen from outside: health checks."""
