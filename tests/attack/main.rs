//! `wswarden-attack`: tries every known attack on a WebSocket endpoint of this machine.
//!
//! Each attack is bounded in count and in time, has an address and a user of its own, and says in
//! one line with which code it was refused, or that it got in. `tests/attack/README.md` tells how
//! to describe a target.

mod attacks;
mod config;
mod frame;
mod lab;
mod outcome;
mod peer;
mod report;
mod request;
mod token;
mod wire;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use attacks::Attack;
use clap::Parser;
use lab::Lab;
use outcome::{Expected, Outcome};
use report::Line;

/// Attacks a WebSocket endpoint of this machine. Exits with 1 if anything got in.
#[derive(Parser)]
#[command(name = "wswarden-attack")]
struct Options {
    /// The description of the target (TOML)
    #[arg(required_unless_present = "list")]
    target: Option<PathBuf>,
    /// Only these attacks, comma-separated; `part.*` means all of a part
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Attacks that must get in: proof that the attack works
    #[arg(long, value_delimiter = ',')]
    expect_weak: Vec<String>,
    /// Any refusal is right, whatever its code
    #[arg(long)]
    any_code: bool,
    /// A skipped attack that the target's `skip` does not name is a failure
    #[arg(long)]
    no_skip: bool,
    /// One JSON document in place of the lines
    #[arg(long)]
    json: bool,
    /// Lists the attacks with the outcomes that are right
    #[arg(long)]
    list: bool,
    /// Attacks at the same time; always 1 when all come from one address
    #[arg(long, default_value_t = 6)]
    jobs: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match if options.list { list() } else { run(&options) } {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "wswarden-attack: {error}");
            ExitCode::from(2)
        }
    }
}

fn list() -> Result<bool, String> {
    let mut out = io::stdout().lock();
    for attack in attacks::all() {
        writeln!(out, "{:<38} {:<28} {}", attack.name, attack.expect, attack.about)
            .map_err(|error| error.to_string())?;
    }
    Ok(true)
}

/// Carries out the attacks; whether all were refused as they should be.
fn run(options: &Options) -> Result<bool, String> {
    let path = options.target.as_deref().ok_or("no target")?;
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let target: config::Target = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let lab = Lab::new(target)?;
    let plan = plan(options, &lab)?;
    let lines = carry_out(options, &lab, &plan).map_err(|error| error.to_string())?;

    let passed = |line: &Line| {
        let silent_skip = options.no_skip
            && line.grade == outcome::Grade::Skipped
            && !lab.target.skip.iter().any(|name| name_matches(name, line.attack.name));
        line.passed() && !silent_skip
    };
    let failed = lines.iter().filter(|line| !passed(line)).count();
    let skipped = lines.iter().filter(|line| line.grade == outcome::Grade::Skipped && passed(line)).count();
    let held = lines.len() - failed - skipped;
    let mut out = io::stdout().lock();
    let written = if options.json {
        let attacks: Vec<_> = lines.iter().map(Line::json).collect();
        let all = serde_json::json!({ "passed": held, "failed": failed, "skipped": skipped, "attacks": attacks });
        serde_json::to_writer_pretty(&mut out, &all).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        writeln!(out, "{held} passed, {failed} failed, {skipped} skipped")
    };
    written.map_err(|error| error.to_string())?;
    Ok(failed == 0)
}

/// The attacks to carry out with what is expected of them.
fn plan(options: &Options, lab: &Lab) -> Result<Vec<(Attack, Expected)>, String> {
    let all = attacks::all();
    for name in options.only.iter().chain(&options.expect_weak).chain(lab.target.expect.keys()).chain(&lab.target.skip)
    {
        if !all.iter().any(|attack| name_matches(name, attack.name)) {
            return Err(format!("there is no attack {name:?}; see --list"));
        }
    }
    let wanted =
        |attack: &Attack| options.only.is_empty() || options.only.iter().any(|name| name_matches(name, attack.name));
    all.into_iter()
        .filter(wanted)
        .map(|attack| {
            let expect = lab.target.expect.get(attack.name).map_or(attack.expect, String::as_str);
            Expected::parse(expect).map(|expected| (attack, expected))
        })
        .collect()
}

/// Carries out the attacks, some at a time, and writes their lines in the order of the plan.
///
/// The first and the last ones, which are controls, run alone.
fn carry_out(options: &Options, lab: &Lab, plan: &[(Attack, Expected)]) -> io::Result<Vec<Line>> {
    let jobs = if lab.can_run_side_by_side() { options.jobs.clamp(1, 32) } else { 1 };
    let last = plan.len().saturating_sub(1);
    let next = AtomicUsize::new(0);
    let results: Mutex<(Vec<Option<Line>>, usize)> = Mutex::new((plan.iter().map(|_| None).collect(), 0));
    let work = |until: usize| -> io::Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= until {
                return Ok(());
            }
            let Some((attack, expected)) = plan.get(index) else { return Ok(()) };
            let line = judge(options, lab, index, attack, expected);
            let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (lines, written) = &mut *results;
            lines[index] = Some(line);
            while let Some(Some(line)) = lines.get(*written) {
                if !options.json {
                    line.write(&mut io::stdout().lock())?;
                }
                *written += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| work(last))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked"))))
    })?;
    next.store(last, Ordering::Relaxed);
    work(plan.len())?;
    let (lines, _) = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(lines.into_iter().flatten().collect())
}

fn judge(options: &Options, lab: &Lab, index: usize, attack: &Attack, expected: &Expected) -> Line {
    let skipped = lab.target.skip.iter().any(|name| name_matches(name, attack.name));
    let outcome = if skipped {
        Outcome::Skipped("as the target's description says".into())
    } else {
        Outcome::of((attack.run)(&lab.probe(index)))
    };
    let grade = expected.judge(&outcome, options.any_code);
    let weak = options.expect_weak.iter().any(|name| name_matches(name, attack.name));
    Line { attack: *attack, expected: expected.clone(), outcome, grade, weak }
}

/// Whether a name, or `part.*`, means this attack.
fn name_matches(name: &str, attack: &str) -> bool {
    name.strip_suffix('*').map_or(name == attack, |part| attack.starts_with(part))
}
