//! The binary `wswarden`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(wswarden_cli::run(std::env::args_os()))
}
