//! The tables of addresses and users, and what they count.
