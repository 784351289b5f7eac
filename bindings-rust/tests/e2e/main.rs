//! A guarded server and its clients, over real sockets of this machine.

mod accept;
mod cleanup;
mod close;
mod credential;
mod farewell;
mod keys;
mod lab;
mod runtime;
mod sending;
mod slow;
mod tickets;
mod tls;
