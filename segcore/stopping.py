"""How work is stopped from outside: what computes calls a check now and then, and the check raises."""


class Stopped(Exception):
    """Somebody asked that the work ends here."""
