//! `adit profile`: the services and projects that were logged in to.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::Client;
use crate::common::Common;
use crate::error::CliError;
use crate::kept::{Kept, Profile};
use crate::output::Column;
use crate::session;

const COLUMNS: &[Column] = &[
    ("", "/current", false),
    ("NAME", "/id", false),
    ("URL", "/url", false),
    ("USER", "/user", false),
    ("PROJECT", "/project", false),
    ("ROLE", "/role", false),
    ("UNTIL", "/expires_at", false),
    ("CACERT", "/cacert", true),
];

#[derive(Subcommand, Debug)]
pub enum Command {
    /// List the profiles; commands that name none use the one with a star.
    List,
    /// Have commands use this profile that name none; with --project it goes on in another project.
    Use(One),
    /// Show a profile.
    Show(Which),
    /// Log out of a profile and forget it.
    Delete(One),
}

#[derive(Args, Debug)]
pub struct One {
    /// Its name.
    name: String,
}

#[derive(Args, Debug)]
pub struct Which {
    /// Its name; the one that commands use, if it is left out.
    name: Option<String>,
}

/// All but the token.
fn shown(name: &str, profile: &Profile, current: &str) -> Value {
    json!({
        "id": name,
        "current": if name == current { "*" } else { "" },
        "url": profile.url,
        "user": profile.user,
        "project": profile.project,
        "role": profile.role,
        "expires_at": profile.expires_at,
        "cacert": profile.cacert,
    })
}

pub(crate) fn run(common: &Common, command: &Command) -> Result<String, CliError> {
    let mut kept = Kept::load()?;
    let current = kept.name(None);
    match command {
        Command::List => {
            let all = kept.profiles.iter();
            let all = all.map(|(name, profile)| shown(name, profile, &current));
            Ok(common.output.list(&all.collect::<Vec<_>>(), COLUMNS))
        }
        Command::Show(which) => {
            let named = which.name.as_ref().or(common.profile.as_ref());
            let (name, profile) = kept.find(named)?;
            Ok(common.output.one(&shown(&name, profile, &current), COLUMNS))
        }
        Command::Use(one) => {
            let (name, profile) = kept.find(Some(&one.name))?;
            let profile = match &common.project {
                None => profile.clone(),
                Some(project) => {
                    let client = Client::of_profile(profile, common)?;
                    session::go_on(&client, profile, project)?
                }
            };
            let said = format!("{name}: {} in {}\n", profile.url, profile.project);
            kept.profiles.insert(name.clone(), profile);
            kept.current = name;
            kept.save()?;
            Ok(said)
        }
        Command::Delete(one) => {
            let (name, profile) = kept.find(Some(&one.name))?;
            let client = Client::of_profile(profile, common)?;
            // One that is over, or a service that is gone, is no reason to keep it.
            let ended = client.delete("/sessions/current").is_ok();
            kept.forget(&name)?;
            Ok(match ended {
                true => format!("{name} is logged out and forgotten.\n"),
                false => format!("{name} is forgotten; its session could not be ended.\n"),
            })
        }
    }
}
