"""Rows to domain values and back; one file per aggregate, one transaction per unit of work."""

from mednerapp.store.transaction import Fence, Store, Transaction, Trouble, trouble_of

__all__ = ["Fence", "Store", "Transaction", "Trouble", "trouble_of"]
