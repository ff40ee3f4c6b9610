//! The private network of the commands that are run: one loopback, or several hosts on a bridge.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::IpAddr;

use anyhow::Context as _;

use crate::capture::private::hosts::{self, BRIDGE, Hosts};
use crate::capture::private::{self, Forbidden, Hosted, Identity, Surroundings};

use super::{RunArgs, Switch};
use crate::source::live;

/// A program and its arguments.
pub(super) type Program = (OsString, Vec<OsString>);

/// `--until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Until {
    /// The last host's command has ended; the others are ended then
    Last,
    /// The commands of all hosts have ended
    All,
}

/// `--host NAME=LINE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostArg {
    name: String,
    line: String,
}

impl std::str::FromStr for HostArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, line)) if !line.trim().is_empty() => Ok(Self {
                name: name.to_owned(),
                line: line.to_owned(),
            }),
            _ => Err(format!(
                "expected a name and a line of the shell, e.g. sender='python3 send.py', not {text:?}"
            )),
        }
    }
}

/// What is to be run.
#[derive(Debug)]
pub(super) enum Task {
    /// One command.
    One(Program),
    /// A command on each host.
    OnHosts {
        names: Vec<String>,
        /// One for each.
        programs: Vec<Program>,
        until: Until,
    },
}

impl Task {
    /// What the arguments ask for; absent where nothing is to be run.
    ///
    /// # Errors
    /// Hosts without a command, names that hosts cannot have.
    pub(super) fn of(run: &RunArgs) -> anyhow::Result<Option<Self>> {
        let shell = |line: &str| ("sh".into(), vec!["-c".into(), line.into()]);
        let one = match (&run.shell, run.command.split_first()) {
            (Some(line), _) => Some(shell(line)),
            (None, Some((program, arguments))) => Some((program.clone(), arguments.to_vec())),
            (None, None) => None,
        };
        if !run.host.is_empty() {
            let names: Vec<String> = run.host.iter().map(|host| host.name.clone()).collect();
            hosts::check(&names).context("--host")?;
            return Ok(Some(Self::OnHosts {
                names,
                programs: run.host.iter().map(|host| shell(&host.line)).collect(),
                until: run.until.unwrap_or(Until::Last),
            }));
        }
        let Some(count) = run.hosts else {
            anyhow::ensure!(
                run.until.is_none(),
                "--until chooses among hosts: it goes with --host or --hosts"
            );
            return Ok(one.map(Self::One));
        };
        let Some(program) = one else {
            anyhow::bail!(
                "--hosts {count} runs a command on each host: add `-- COMMAND`, or give each its own by --host NAME=LINE"
            );
        };
        Ok(Some(Self::OnHosts {
            names: (1..=count).map(|number| format!("h{number}")).collect(),
            programs: (0..count).map(|_| program.clone()).collect(),
            until: run.until.unwrap_or(Until::All),
        }))
    }
}

impl Task {
    /// Of hosts, what the capture's end is.
    pub(super) fn ending(&self) -> Option<String> {
        match self {
            Self::One(_) => None,
            Self::OnHosts {
                until: Until::All, ..
            } => Some("ends when all commands have ended".to_owned()),
            Self::OnHosts { names, .. } => {
                let last = names.last()?;
                Some(format!("ends with the command of {last}"))
            }
        }
    }
}

/// The network that a task runs in.
pub(super) enum Network {
    /// The machine's, for nothing is run.
    Machine,
    /// The machine's, because a private one is not allowed.
    NotPrivate(Forbidden),
    /// A private loopback.
    Loopback,
    /// Hosts on a bridge.
    Bridge(Hosts),
}

impl Network {
    /// Makes the network that the task needs. Before any thread: the kernel moves no process with threads to another
    /// network.
    ///
    /// # Errors
    /// An MTU that cannot be, a system that refuses a step after it allowed the network.
    pub(super) fn enter(task: Option<&Task>, run: &RunArgs) -> anyhow::Result<Self> {
        let Some(task) = task else {
            return Ok(Self::Machine);
        };
        if let (Task::OnHosts { .. }, Some(mtu)) = (task, run.mtu) {
            anyhow::ensure!(
                mtu <= hosts::LONGEST_PACKET,
                "--mtu {mtu}: a cable between hosts takes at most {}",
                hosts::LONGEST_PACKET
            );
        }
        if let Err(forbidden) = private::enter(Identity::Caller) {
            return Ok(Self::NotPrivate(forbidden));
        }
        let ipv6 = run.ipv6 == Switch::On;
        if let Task::OnHosts { names, .. } = task {
            let hosts = Hosts::make(names, run.mtu, ipv6).context("no hosts on a bridge")?;
            return Ok(Self::Bridge(hosts));
        }
        if let Some(mtu) = run.mtu {
            private::set_mtu(mtu).with_context(|| format!("--mtu {mtu}: cannot be set"))?;
        }
        if !ipv6 {
            private::without_ipv6().context("--ipv6 off: cannot be set")?;
        }
        Ok(Self::Loopback)
    }

    /// Why it is not private, where it should be.
    pub(super) fn forbidden(&self) -> Option<&Forbidden> {
        match self {
            Self::NotPrivate(forbidden) => Some(forbidden),
            _ => None,
        }
    }

    /// The interfaces that are captured on, of those asked for.
    ///
    /// # Errors
    /// One that a private network has not.
    pub(super) fn interfaces(&self, asked: &[String]) -> anyhow::Result<Vec<String>> {
        let mut interfaces: Vec<String> = Vec::new();
        for name in asked {
            match self {
                Self::Loopback if name != "lo" => anyhow::bail!(
                    "-i {name}: a command that imgnet runs has a private network, whose only interface is lo; leave -i out"
                ),
                Self::Bridge(hosts) => {
                    let known: Vec<&str> = hosts.iter().map(|host| host.name.as_str()).collect();
                    anyhow::ensure!(
                        name == BRIDGE || known.contains(&name.as_str()),
                        "-i {name}: there is {BRIDGE}, where every frame is seen once, and the ports of the hosts: {}",
                        known.join(", ")
                    );
                }
                _ => {}
            }
            if !interfaces.contains(name) {
                interfaces.push(name.clone());
            }
        }
        if matches!(self, Self::Bridge(_)) && interfaces.len() > 1 {
            anyhow::bail!(
                "-i: a frame passes several ports of the bridge and would be counted at each; choose one"
            );
        }
        if interfaces.is_empty() {
            let bridge = matches!(self, Self::Bridge(_));
            interfaces.push(if bridge { BRIDGE } else { live::LOOPBACK }.to_owned());
        }
        Ok(interfaces)
    }

    /// What the capture file says of an interface; absent where the system knows it best.
    pub(super) fn description(&self, interface: &str) -> Option<String> {
        match self {
            Self::Loopback => Some(private::LOOPBACK.to_owned()),
            Self::Bridge(hosts) if interface == BRIDGE => {
                Some(format!("Bridge of {}", addressed(hosts)))
            }
            Self::Bridge(_) => Some(format!("Port of {interface} on a bridge")),
            _ => None,
        }
    }

    /// What the hosts are called, for the capture file.
    pub(super) fn names(&self) -> Vec<(IpAddr, String)> {
        let Self::Bridge(hosts) = self else {
            return Vec::new();
        };
        let of_host = |host: &hosts::Host| {
            let name = host.name.clone();
            host.addresses
                .iter()
                .map(move |address| (*address, name.clone()))
                .collect::<Vec<_>>()
        };
        hosts.iter().flat_map(of_host).collect()
    }

    /// What is said of the network when the capture begins.
    pub(super) fn announced(&self) -> String {
        match self {
            Self::Loopback => " of a private network".to_owned(),
            Self::Bridge(hosts) => format!(" of {}", addressed(hosts)),
            Self::Machine | Self::NotPrivate(_) => String::new(),
        }
    }
}

/// The hosts and their addresses.
fn addressed(hosts: &Hosts) -> String {
    let each = hosts.iter().map(|host| match host.addresses.as_slice() {
        [first, ..] => format!("{} {first}", host.name),
        [] => host.name.clone(),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// What surrounds the commands on hosts, and the file that holds the hosts' names, needed until they have started.
pub(super) fn surroundings(
    hosts: &Hosts,
    programs: &[Program],
    until: Until,
) -> anyhow::Result<(Surroundings, tempfile::NamedTempFile)> {
    let mut file = tempfile::Builder::new()
        .prefix("imgnet-hosts-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile()
        .context("no file for the names of the hosts")?;
    file.write_all(hosts.names().as_bytes())
        .context("the names of the hosts cannot be written")?;
    let list = |each: &dyn Fn(&hosts::Host) -> String| {
        hosts.iter().map(each).collect::<Vec<_>>().join(" ")
    };
    let address = |host: &hosts::Host| {
        let first = host.addresses.first();
        first.map(ToString::to_string).unwrap_or_default()
    };
    let (names, addresses) = (list(&|host| host.name.clone()), list(&address));
    let final_one = programs.len().saturating_sub(1);
    let mut commands = Vec::new();
    for (index, (host, (program, arguments))) in hosts.iter().zip(programs).enumerate() {
        let environment = [
            ("IMGNET_HOST", host.name.clone()),
            ("IMGNET_NUMBER", host.number.to_string()),
            ("IMGNET_ADDRESS", address(host)),
            ("IMGNET_HOSTS", names.clone()),
            ("IMGNET_ADDRESSES", addresses.clone()),
        ];
        let is_last = index == final_one;
        let awaited = until == Until::All || is_last;
        let command = Hosted::new(host, program, arguments, &environment, is_last, awaited)
            .with_context(|| format!("{}: its command cannot be prepared", host.name))?;
        commands.push(command);
    }
    let path = std::os::unix::ffi::OsStrExt::as_bytes(file.path().as_os_str());
    let surroundings = Surroundings {
        hosts: Some(std::ffi::CString::new(path)?),
        commands,
    };
    Ok((surroundings, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_and_a_line() {
        let host: HostArg = "sender=X=1 python3 send.py a=b".parse().unwrap();
        assert_eq!(
            (host.name.as_str(), host.line.as_str()),
            ("sender", "X=1 python3 send.py a=b")
        );
        for wrong in ["sender", "sender=", "sender=  "] {
            assert!(wrong.parse::<HostArg>().is_err(), "{wrong}");
        }
    }
}
