"""`taskflow bench`: measures taskflow beside bare SQL, in one run on one machine.

Absolute figures say more about the disk than about the queue. So each workload also runs as the
shortest program that does the same to the same tables, moments before or after, and the ratio of
the two is what can be compared between machines.

Nothing is imported here: a worker loads `tasks`, and its memory is one of the figures.
"""
