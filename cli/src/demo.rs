//! `wswarden demo`.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Run a guarded chat server on this machine, to try things out.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8443")]
    pub(crate) listen: SocketAddr,
    /// The policy to guard it with, instead of the one built in.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
}

pub(crate) fn run(_demo: &Demo) -> miette::Result<()> {
    Err(miette::miette!("the demo server is not built yet"))
}
