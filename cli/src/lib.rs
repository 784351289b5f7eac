//! `wswarden`: check a policy, print its schema, make a token, run the guarded demo server.
//!
//! The command line as a function, so that other bindings can be it, too.

mod check;
mod demo;
mod report;
mod token;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use wswarden::Policy;

/// The security layer for WebSocket servers: its tools.
///
/// A policy is one document in TOML or JSON that says who may connect, from which pages, with
/// which messages, how often and for how long. Everything has a safe default; the smallest policy
/// that is of use names an origin, a key, an issuer and an audience:
///
///   origin.allow = ["https://app.example.com"]
///   [credential.jwt]
///   keys = [{ alg = "HS256", secret = "env:JWT_KEY" }]
///   issuer = ["https://id.example.com"]
///   audience = ["chat"]
#[derive(Parser)]
#[command(name = "wswarden", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Check),
    /// Print the JSON Schema of the policy document.
    ///
    /// Editors use it to complete and check policies as you type: put it next to yours and begin
    /// a TOML policy with `#:schema ./policy.schema.json`, or give a JSON policy the field
    /// `"$schema": "./policy.schema.json"`.
    Schema,
    Token(token::Token),
    Demo(demo::Demo),
}

/// Runs the command line: `arguments` are the program's name and what follows it. The answer is the exit
/// code. 0: done. 1: what was asked for cannot be, and the report says why. 2: the command line is wrong,
/// or a file cannot be read.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let command = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli.command,
        Err(error) => {
            let _unreadable = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    let outcome = match command {
        Command::Check(check) => check::run(&check),
        Command::Schema => print(&format!("{:#}", Policy::json_schema())).map(|()| ExitCode::SUCCESS),
        Command::Token(token) => token::run(&token),
        Command::Demo(demo) => demo::run(&demo).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) if code == ExitCode::SUCCESS => 0,
        Ok(_) => 1,
        Err(failure) => {
            report::failure(&failure);
            2
        }
    }
}

/// Prints a line; a reader that has gone away, as `head` does, is no failure.
fn print(text: &str) -> miette::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(miette::miette!("nothing can be written: {error}"))
        }
        _ => Ok(()),
    }
}
