//! Runs the binary in a folder of its own.

use std::path::PathBuf;
use std::process::Command;

/// The secret of every policy here.
pub(crate) const SECRET: &str = "5Tq8XnZ0b2VrYWx3bm9tZWFuMTIzNDU2";

/// The smallest useful policy, with a message type.
pub(crate) const GOOD: &str = r#"origin.allow = ["https://app.example.com"]

[credential.jwt]
keys = [{ alg = "HS256", secret = "env:JWT_KEY", kid = "a" }]
issuer = ["https://id.example.com"]
audience = ["chat"]
tenant = "org"

[message.types.chat]
schema = { type = "object" }
"#;

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder with files in it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
        std::fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            std::fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }

    /// Runs `wswarden` here, with the key in the environment.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, Some(SECRET))
    }

    pub(crate) fn run_with(&self, args: &[&str], key: Option<&str>) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wswarden"));
        command.args(args).current_dir(&self.0).env_remove("JWT_KEY");
        if let Some(key) = key {
            command.env("JWT_KEY", key);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}
