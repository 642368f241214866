//! Runs one gateway's worker, restarts it when it dies, and passes orders and news.
//!
//! ```text
//!   start --> running --(process ends)--> pause (50 ms, doubling to 5 s) --> start
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
use adit_model::observed::{GatewayObserved, Traffic, TunnelObserved, TunnelState};
use adit_model::{GatewayId, Reason, ReasonCode, Whose};
use adit_netns::GatewayPorts;
use adit_worker::protocol::{FromWorker, MAX_LINE, ToWorker};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use crate::desk::Desk;

/// The pause before a worker that died is started again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// A worker that ran this long is not blamed for the deaths before.
const HEALTHY: Duration = Duration::from_secs(10);

/// How long a worker may take to say farewell to its peers.
const FAREWELL: Duration = Duration::from_secs(2);

/// The program that is a worker when its standard input is a control socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkerProgram {
    /// Its path.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Everything about one supervised gateway.
pub(crate) struct Supervisor {
    pub(crate) gateway: GatewayId,
    pub(crate) program: WorkerProgram,
    pub(crate) ports: GatewayPorts,
    pub(crate) desk: Arc<Desk>,
    pub(crate) events: mpsc::Sender<AgentEvent>,
}

/// How a run of the worker ended.
enum Ended {
    Died(String),
    Stopped,
}

impl Supervisor {
    pub(crate) async fn supervise(self) {
        let mut pause = PAUSE.0;
        loop {
            let started = Instant::now();
            let ended = match self.run_once().await {
                Ok(ended) => ended,
                Err(error) => Ended::Died(format!("it could not be started: {error}")),
            };
            let Ended::Died(how) = ended else { return };
            if started.elapsed() > HEALTHY {
                pause = PAUSE.0;
            }
            tracing::error!(gateway = %self.gateway, how, ?pause, "a worker ended; starting another");
            self.report_death(&how).await;
            tokio::select! {
                () = sleep(pause) => {}
                () = self.desk.stopped() => return,
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    async fn run_once(&self) -> io::Result<Ended> {
        let (mut child, socket) = self.start()?;
        let (reader, mut writer) = socket.into_split();
        let mut lines = BufReader::new(reader);
        let mut line = Vec::new();
        self.desk.begin();
        loop {
            tokio::select! {
                status = child.wait() => {
                    return Ok(Ended::Died(status.map_or_else(|e| e.to_string(), |s| s.to_string())));
                }
                message = self.desk.next() => {
                    if matches!(message, ToWorker::Shutdown) {
                        farewell(&mut child, &mut writer, lines).await;
                        return Ok(Ended::Stopped);
                    }
                    if let Err(error) = tell(&mut writer, &message).await {
                        return Ok(Ended::Died(format!("it does not take orders: {error}")));
                    }
                }
                read = lines.read_until(b'\n', &mut line) => match read {
                    Ok(0) | Err(_) => {
                        let status = timeout(FAREWELL, child.wait()).await;
                        let how = match status {
                            Ok(Ok(status)) => status.to_string(),
                            _ => "it closed its control socket".to_owned(),
                        };
                        return Ok(Ended::Died(how));
                    }
                    Ok(_) if line.len() > MAX_LINE => {
                        return Ok(Ended::Died("it says too much".to_owned()));
                    }
                    Ok(_) => {
                        self.hear(&line).await;
                        line.clear();
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
        let event = match serde_json::from_slice(line) {
            Ok(FromWorker::Drops(drops)) => AgentEvent::Drops {
                gateway: self.gateway,
                drops,
            },
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
        // The receiver is gone only when everything ends.
        let _ = self.events.send(event).await;
    }

    /// A worker that died has taken its SAs along.
    async fn report_death(&self, how: &str) {
        let now = OffsetDateTime::now_utc();
        let reason = Reason {
            code: ReasonCode::InternalError,
            whose: Whose::Local,
            since: now,
            evidence: format!("the gateway's worker ended ({how}); another one is being started"),
            next_step: "Wait some seconds; if it goes on, look into the log of adit serve.".into(),
        };
        let Some(wanted) = self.desk.wanted() else {
            return;
        };
        let observed = GatewayObserved {
            status: GatewayStatus::Pending,
            reasons: vec![reason.clone()],
        };
        let _ = self
            .events
            .send(AgentEvent::Gateway {
                id: self.gateway,
                observed,
            })
            .await;
        for connection in wanted {
            let observed = TunnelObserved {
                state: TunnelState::Down,
                since: now,
                reasons: vec![reason.clone()],
                ike_suite: None,
                children: Vec::new(),
                traffic: Traffic::default(),
            };
            let event = AgentEvent::Tunnel {
                gateway: self.gateway,
                connection,
                observed,
            };
            let _ = self.events.send(event).await;
        }
    }
}

fn send_descriptors(
    socket: &std::os::unix::net::UnixStream,
    ports: &GatewayPorts,
) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut descriptors = vec![ports.tun.as_fd()];
    for ports in [Some(&ports.v4), ports.v6.as_ref()].into_iter().flatten() {
        descriptors.extend([ports.ike.as_fd(), ports.nat.as_fd()]);
    }
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(5))];
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
            let mut line = Vec::new();
            while lines
                .read_until(b'\n', &mut line)
                .await
                .is_ok_and(|count| count > 0)
            {
                line.clear();
            }
            child.wait().await
        };
        if timeout(FAREWELL, drain).await.is_ok() {
            return;
        }
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a worker could not be killed");
    }
}
