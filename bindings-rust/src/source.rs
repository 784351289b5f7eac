//! Policies and the secrets they name, read from files and the environment.
