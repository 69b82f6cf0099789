"""Rows to domain values and back; one file per aggregate, one transaction per unit of work."""

from mednerapp.store.transaction import Store, Transaction

__all__ = ["Store", "Transaction"]
