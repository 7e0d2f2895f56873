"""One module a driver, all with the same question: what does a client see that goes to this target as this account?"""

from typing import Protocol

from ..targets import Account, Target
from .scenario import Material, Observations


class Driver(Protocol):
    """A way of talking to a server; `name` is what it is installed as."""

    name: str

    def login(self, target: Target, account: Account) -> Observations:
        """Log in, say who one is, and leave."""

    def everything(self, target: Target, account: Account, material: Material) -> Observations:
        """Do all that the driver can do; steps that fail have names which begin with `error`."""
