//! A load generator that costs little itself: each frame is made once, and written and read as bytes.
//!
//! ```text
//! echo load echo  PORT CONNECTIONS SECONDS        each connection sends a message, waits for its echo, sends the next
//! echo load paced PORT CONNECTIONS SECONDS        each connection has a message to send every 25 ms, as a person's client
//! echo load flood PORT CONNECTIONS SECONDS        from 127.0.0.2, as much as the sockets take, and again when thrown out
//! echo load count PORT CONNECTIONS MESSAGES       so many messages on each connection: for callgrind
//! ```
//! The first two print messages per second, the median, 99th and 99.9th percentile of the time to the echo in
//! microseconds, and how busy this process was, from 0 to 1; the third prints how often it got in, how often it was
//! refused, and how many messages it could write. Tabs stand between.
//!
//! A paced message is sent when it is due, also when the one before has not come back: a server that stands still for a
//! second is seen by all that were sent meanwhile. What has not come back at the end has waited until then, at least.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::{join_all, try_join};
use jsonwebtoken::{EncodingKey, Header, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const KEY: &[u8] = b"a key for the benches, of 32 bytes or more";
const MESSAGE: &str = r#"{"type":"chat","channelId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","content":"Hello everyone, how are you doing today? See you at five"}"#;
/// Before this much time has passed, nothing counts: both sides get warm.
const WARM_UP: Duration = Duration::from_millis(300);
const PACE: Duration = Duration::from_millis(25);
const HONEST: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

type Outcome<T> = std::io::Result<T>;

pub(crate) fn run(mode: &str, port: u16, connections: u32, seconds: u64) -> Result<(), Box<dyn std::error::Error>> {
    let began = Instant::now();
    let (from, to) = (began + WARM_UP, began + WARM_UP + Duration::from_secs(seconds));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if mode == "flood" {
        let token = token("mallory");
        let all = runtime.block_on(join_all((0..connections).map(|_| attacker(port, &token, to))));
        let sum = |part: fn(&Flood) -> u64| all.iter().map(part).sum::<u64>();
        println!("{}\t{}\t{}", sum(|one| one.opened), sum(|one| one.refused), sum(|one| one.written));
        return Ok(());
    }
    let token = token("load");
    let waited: Outcome<Vec<_>> = match mode {
        "count" => {
            let clients = (0..connections).map(|_| counted(port, &token, seconds));
            return runtime.block_on(join_all(clients)).into_iter().collect::<Outcome<()>>().map_err(Into::into);
        }
        "paced" => {
            // Evenly, as people do not type in step.
            let first = |number| PACE / connections * number;
            let clients = (0..connections).map(|number| paced(port, &token, first(number), from, to));
            runtime.block_on(join_all(clients)).into_iter().collect()
        }
        _ => {
            let clients = (0..connections).map(|_| client(port, &token, from, to));
            runtime.block_on(join_all(clients)).into_iter().collect()
        }
    };
    let mut waited = waited?.concat();
    waited.sort_unstable();
    let at = |share: f64| f64::from(waited[((waited.len() - 1) as f64 * share) as usize]) / 1e3;
    let rate = waited.len() as f64 / seconds as f64;
    let busy = ran().as_secs_f64() / began.elapsed().as_secs_f64();
    println!("{rate:.0}\t{:.1}\t{:.1}\t{:.1}\t{busy:.2}", at(0.5), at(0.99), at(0.999));
    Ok(())
}

/// The nanoseconds that each echo took.
async fn client(port: u16, token: &str, from: Instant, to: Instant) -> Outcome<Vec<u32>> {
    let mut echoes = Echoes::new(port, token).await?;
    let mut waited = Vec::new();
    loop {
        let sent = Instant::now();
        // Who had to wait all the time for the upgrade still sends one.
        if sent >= to && !waited.is_empty() {
            return Ok(waited);
        }
        echoes.next().await?;
        // Also what was sent before, when the server is that slow.
        if Instant::now() >= from {
            waited.push(nanoseconds(sent.elapsed()));
        }
    }
}

/// The nanoseconds that each echo took, of messages that are sent when they are due, whatever has come back by then.
async fn paced(port: u16, token: &str, first: Duration, from: Instant, to: Instant) -> Outcome<Vec<u32>> {
    let Echoes { mut stream, frame, wanted, mut echo } = Echoes::new(port, token).await?;
    let (mut reader, mut writer) = stream.split();
    let (sent, waited) = (RefCell::new(VecDeque::new()), RefCell::new(Vec::new()));
    let keep = |began: Instant, until: Instant| {
        if began >= from {
            waited.borrow_mut().push(nanoseconds(until.saturating_duration_since(began)));
        }
    };
    let mut due = Instant::now() + first;
    let sending = async {
        loop {
            tokio::time::sleep_until(due.into()).await;
            sent.borrow_mut().push_back(Instant::now());
            writer.write_all(&frame).await?;
            due += PACE;
        }
    };
    let reading = async {
        loop {
            reader.read_exact(&mut echo).await?;
            assert_eq!(echo, wanted, "an echo");
            let began = sent.borrow_mut().pop_front().expect("a message before its echo");
            keep(began, Instant::now());
        }
    };
    let both = try_join(sending, reading);
    let ended: Result<Outcome<((), ())>, _> = tokio::time::timeout_at(to.into(), both).await;
    ended.unwrap_or(Ok(((), ())))?;
    sent.take().into_iter().for_each(|began| keep(began, to));
    // Who had to wait all the time for the upgrade has seen that.
    if waited.borrow().is_empty() {
        keep(from, to);
    }
    Ok(waited.take())
}

async fn counted(port: u16, token: &str, messages: u64) -> Outcome<()> {
    let mut echoes = Echoes::new(port, token).await?;
    for _ in 0..messages {
        echoes.next().await?;
    }
    Ok(())
}

fn nanoseconds(time: Duration) -> u32 {
    u32::try_from(time.as_nanos()).unwrap_or(u32::MAX)
}

/// An open connection, what is sent on it, and what has to come back.
struct Echoes {
    stream: TcpStream,
    frame: Vec<u8>,
    wanted: Vec<u8>,
    echo: Vec<u8>,
}

impl Echoes {
    async fn new(port: u16, token: &str) -> Outcome<Self> {
        let stream = connect(HONEST, port, token).await?.expect("an upgrade");
        let wanted = echo();
        Ok(Self { stream, frame: frame(), echo: vec![0; wanted.len()], wanted })
    }

    async fn next(&mut self) -> Outcome<()> {
        self.stream.write_all(&self.frame).await?;
        self.stream.read_exact(&mut self.echo).await?;
        assert_eq!(self.echo, self.wanted, "an echo");
        Ok(())
    }
}

#[derive(Default)]
struct Flood {
    opened: u64,
    refused: u64,
    written: u64,
}

/// Who sends all that the socket takes, and comes again when it is thrown out.
async fn attacker(port: u16, token: &str, to: Instant) -> Flood {
    const AT_ONCE: usize = 64;
    let mut flood = Flood::default();
    let frames = frame().repeat(AT_ONCE);
    while Instant::now() < to {
        let Ok(Some(stream)) = connect(ATTACKER, port, token).await else {
            flood.refused += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        flood.opened += 1;
        let (mut reader, mut writer) = stream.into_split();
        // Who does not read is cut for that alone.
        let reading = tokio::spawn(async move {
            let mut sink = vec![0; 65_536];
            while reader.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        });
        let rest = || tokio::time::sleep_until(to.into());
        loop {
            let done = tokio::select! { done = writer.write_all(&frames) => done.is_ok(), () = rest() => false };
            if !done {
                break;
            }
            flood.written += AT_ONCE as u64;
            tokio::task::yield_now().await;
        }
        reading.abort();
    }
    flood
}

/// A connection from an address of its own; `None` when the upgrade was refused.
async fn connect(from: Ipv4Addr, port: u16, token: &str) -> Outcome<Option<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(head.starts_with(b"HTTP/1.1 101 ").then_some(stream))
}

/// The message in a masked frame, as a client sends it.
fn frame() -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let length = u16::try_from(MESSAGE.len()).expect("a short message").to_be_bytes();
    let masked = MESSAGE.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [&[0x81, 0x80 | 126], &length[..], &mask].concat().into_iter().chain(masked).collect()
}

/// The message in a frame of a server's.
fn echo() -> Vec<u8> {
    let length = u16::try_from(MESSAGE.len()).expect("a short message").to_be_bytes();
    [&[0x81, 126], &length[..], MESSAGE.as_bytes()].concat()
}

/// For how long this thread has run.
fn ran() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).map_or(Duration::ZERO, Duration::from_nanos)
}

fn token(subject: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let claims =
        serde_json::json!({ "sub": subject, "iss": "https://id.example.com", "aud": "chat", "exp": now + 3600 });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(KEY)).expect("a token")
}
