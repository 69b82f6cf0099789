"""Rows to domain values and back; one file per aggregate, one transaction per unit of work."""

from mednerapp.store.transaction import Fence, Store, Transaction

__all__ = ["Fence", "Store", "Transaction"]
