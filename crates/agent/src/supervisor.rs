//! Runs one gateway's worker, restarts it when it dies or hangs, and passes orders and news. It
//! trusts nothing the worker says: that speaks with strangers.
//!
//! ```text
//!   start --> running --(process ends, or says nothing for 10 s: kill)--> pause (50 ms, doubling to 5 s) --> start
//!               \--(stop)--> Shutdown, at most 2 s --> kill --> gone
//! ```

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use adit_control::AgentEvent;
use adit_model::gateway::GatewayStatus;
use adit_model::observed::{GatewayObserved, SaTimes, Traffic, TunnelObserved, TunnelState};
use adit_model::{GatewayId, Reason, ReasonCode, Whose};
use adit_netns::GatewayPorts;
use adit_worker::protocol::{FromWorker, MAX_NEWS_LINE, ToWorker};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zeroize::Zeroizing;

use crate::news::News;
use crate::orders::Orders;
use crate::users::User;

/// The pause before a worker that died is started again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A worker that ran this long is not blamed for the deaths before.
const HEALTHY: Duration = Duration::from_secs(10);

/// How long a worker may say nothing; one at work says so every two seconds.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a worker may take to say farewell to its peers.
const FAREWELL: Duration = Duration::from_secs(2);

/// The program that is a worker when its standard input is a control socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerProgram {
    /// An executable; the service gives its own.
    pub path: PathBuf,
    /// Its arguments; `--user NUMBER` follows them.
    pub arguments: Vec<String>,
    /// The first of the numbers that workers' users have, one for each gateway.
    pub first_user: u32,
}

/// Everything about one supervised gateway.
pub(crate) struct Supervisor {
    pub(crate) gateway: GatewayId,
    pub(crate) program: WorkerProgram,
    pub(crate) user: User,
    pub(crate) ports: GatewayPorts,
    pub(crate) orders: Arc<Orders>,
    pub(crate) news: Arc<News>,
}

/// How long to wait before each start: twice as long as before, unless the run before was long.
#[derive(Default)]
struct Pauses(Option<Duration>);

impl Pauses {
    /// The pause after a run of this length.
    fn after(&mut self, run: Duration) -> Duration {
        let doubled = self.0.filter(|_| run <= HEALTHY).map(|before| before * 2);
        let pause = doubled.unwrap_or(PAUSE.0).min(PAUSE.1);
        self.0 = Some(pause);
        pause
    }
}

/// How a run of the worker ended.
enum Ended {
    Died(String),
    Stopped,
}

impl Supervisor {
    pub(crate) async fn supervise(self) {
        let mut pauses = Pauses::default();
        loop {
            let started = Instant::now();
            let ended = match self.run_once().await {
                Ok(ended) => ended,
                Err(error) => Ended::Died(format!("it could not be started: {error}")),
            };
            let Ended::Died(how) = ended else { return };
            let pause = pauses.after(started.elapsed());
            tracing::error!(gateway = %self.gateway, how, ?pause, "a worker ended; starting another");
            self.report_death(&how).await;
            tokio::select! {
                () = sleep(pause) => {}
                () = self.orders.stopped() => return,
            }
        }
    }

    async fn run_once(&self) -> io::Result<Ended> {
        let (mut child, socket) = self.start()?;
        let (reader, writer) = socket.into_split();
        self.orders.begin();
        let ended = self
            .attend(&mut child, BufReader::new(reader), writer)
            .await;
        // However it ended: it must be gone before the next one has its descriptors.
        if let Err(error) = child.kill().await {
            tracing::warn!(gateway = %self.gateway, %error, "a worker could not be killed");
        }
        Ok(ended)
    }

    /// Passes orders and news until the worker ends, or has to be ended.
    async fn attend(
        &self,
        child: &mut Child,
        mut lines: BufReader<OwnedReadHalf>,
        mut writer: OwnedWriteHalf,
    ) -> Ended {
        let mut line = Vec::new();
        let mut heard = Instant::now();
        loop {
            let room = (MAX_NEWS_LINE + 1).saturating_sub(line.len() as u64);
            let mut limited = (&mut lines).take(room);
            tokio::select! {
                status = child.wait() => {
                    return Ended::Died(status.map_or_else(|e| e.to_string(), |s| s.to_string()));
                }
                message = self.orders.next() => {
                    if matches!(message, ToWorker::Shutdown) {
                        farewell(child, &mut writer, lines).await;
                        return Ended::Stopped;
                    }
                    if let Err(error) = tell(&mut writer, &message).await {
                        return Ended::Died(format!("it does not take orders: {error}"));
                    }
                }
                () = sleep_until(heard + SILENCE) => {
                    return Ended::Died(format!("it said nothing for {} s", SILENCE.as_secs()));
                }
                read = limited.read_until(b'\n', &mut line) => match read {
                    Ok(_) if line.len() as u64 > MAX_NEWS_LINE => {
                        return Ended::Died("it says too much".to_owned());
                    }
                    Ok(0) | Err(_) => {
                        let status = timeout(FAREWELL, child.wait()).await;
                        let how = match status {
                            Ok(Ok(status)) => status.to_string(),
                            _ => "it closed its control socket".to_owned(),
                        };
                        return Ended::Died(how);
                    }
                    Ok(_) => {
                        self.hear(&line).await;
                        line.clear();
                        heard = Instant::now();
                    }
                }
            }
        }
    }

    fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let mut command = Command::new(&self.program.path);
        command
            .args(&self.program.arguments)
            .args(["--user", &self.user.number().to_string()])
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .kill_on_drop(true);
        for name in ["RUST_LOG", "RUST_BACKTRACE", "ADIT_LOG_FORMAT"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let child = command.spawn()?;
        send_descriptors(&ours, &self.ports)?;
        ours.set_nonblocking(true)?;
        Ok((child, UnixStream::from_std(ours)?))
    }

    async fn hear(&self, line: &[u8]) {
        let event = match FromWorker::parse(line) {
            Ok(FromWorker::Alive) => return,
            Ok(FromWorker::Tunnel { connection, .. }) if !self.orders.has(connection) => {
                tracing::warn!(gateway = %self.gateway, %connection, "a worker speaks of a connection that is not its own");
                return;
            }
            Ok(FromWorker::Load { drops, half_open }) => AgentEvent::Load {
                gateway: self.gateway,
                drops,
                half_open,
            },
            Ok(FromWorker::Recording { connection, sealed }) => {
                if !self.orders.answer(connection, sealed) {
                    tracing::warn!(gateway = %self.gateway, %connection, "a worker sends a recording that was not asked for");
                }
                return;
            }
            Ok(FromWorker::Ready) => {
                let status = GatewayStatus::Available;
                let observed = GatewayObserved {
                    status,
                    reasons: Vec::new(),
                };
                AgentEvent::Gateway {
                    id: self.gateway,
                    observed,
                }
            }
            Ok(FromWorker::Tunnel {
                connection,
                observed,
            }) => AgentEvent::Tunnel {
                gateway: self.gateway,
                connection,
                observed,
            },
            Err(error) => {
                tracing::error!(gateway = %self.gateway, %error, "a worker says what can't be understood");
                return;
            }
        };
        self.news.tell(event).await;
    }

    /// A worker that died has taken its SAs along.
    async fn report_death(&self, how: &str) {
        let now = OffsetDateTime::now_utc();
        let reason = Reason::new(
            ReasonCode::InternalError,
            Whose::Local,
            now,
            format!("the gateway's worker ended ({how}); another one is being started"),
            "Wait some seconds; if it goes on, look into the log of adit serve.",
        );
        let Some(wanted) = self.orders.wanted() else {
            return;
        };
        let observed = GatewayObserved {
            status: GatewayStatus::Pending,
            reasons: vec![reason.clone()],
        };
        let id = self.gateway;
        self.news.tell(AgentEvent::Gateway { id, observed }).await;
        for connection in wanted {
            let observed = TunnelObserved {
                state: TunnelState::Down,
                since: now,
                reasons: vec![reason.clone()],
                ike_suite: None,
                ike_times: SaTimes::default(),
                children: Vec::new(),
                members: Vec::new(),
                traffic: Traffic::default(),
            };
            let event = AgentEvent::Tunnel {
                gateway: self.gateway,
                connection,
                observed,
            };
            self.news.tell(event).await;
        }
    }
}

fn send_descriptors(
    socket: &std::os::unix::net::UnixStream,
    ports: &GatewayPorts,
) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut descriptors = vec![ports.tun.as_fd()];
    let others = [ports.second.as_ref(), ports.v6.as_ref()];
    for ports in [&ports.v4].into_iter().chain(others.into_iter().flatten()) {
        descriptors.extend(ports.all());
    }
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(9))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("the descriptors do not fit the message"));
    }
    sendmsg(
        socket,
        &[io::IoSlice::new(b"d")],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

async fn tell(writer: &mut OwnedWriteHalf, message: &ToWorker) -> io::Result<()> {
    let mut line = Zeroizing::new(Vec::new());
    serde_json::to_writer(&mut *line, message)?;
    line.push(b'\n');
    timeout(FAREWELL, writer.write_all(&line)).await?
}

/// Lets the worker tell its peers; then it is gone, one way or the other.
async fn farewell(
    child: &mut Child,
    writer: &mut OwnedWriteHalf,
    mut lines: BufReader<OwnedReadHalf>,
) {
    if tell(writer, &ToWorker::Shutdown).await.is_ok() {
        let drain = async {
            // Whatever it still says is of no more interest, but must not keep it waiting.
            let _ = tokio::io::copy(&mut lines, &mut tokio::io::sink()).await;
            child.wait().await
        };
        // If it takes too long, it is killed.
        let _ = timeout(FAREWELL, drain).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_ends_again_and_again_is_started_less_and_less_often() {
        let mut pauses = Pauses::default();
        let short = [Duration::ZERO, Duration::from_secs(3), HEALTHY];
        let mut after: Vec<_> = (0..9).map(|at| pauses.after(short[at % 3])).collect();
        let expected = [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000];
        assert_eq!(after, expected.map(Duration::from_millis));
        after = vec![pauses.after(HEALTHY * 2), pauses.after(Duration::ZERO)];
        assert_eq!(after, [50, 100].map(Duration::from_millis));
    }
}
