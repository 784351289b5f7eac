//! How often and how many: quotas, the bounded ledger, the timer wheel.
