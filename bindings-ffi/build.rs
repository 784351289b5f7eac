//! Names the shared library: while the version is 0.x, its minor number stands for the ABI.

fn main() {
    let part = |name: &str| std::env::var(format!("CARGO_PKG_VERSION_{name}")).unwrap_or_default();
    let (major, minor) = (part("MAJOR"), part("MINOR"));
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libwswarden.so.{major}.{minor}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
