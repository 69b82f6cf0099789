"""The verbs of the product. Each opens its transactions, checks permission, writes the audit entry and commits once."""
