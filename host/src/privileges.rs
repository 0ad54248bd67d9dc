//! What a process that runs plugins may do: its limits, and the user that it becomes.
//!
//! Only a worker is restricted. Its supervisor binds the addresses and goes on as the user that started it, as the master of
//! nginx does: a new spec may bring an address that only root can bind. It runs no code of a plugin.

use crate::error::Error;
use crate::spec::{Located, ProcessSpec};
use nix::unistd::{
    Gid, Group, Uid, User, getgroups, getresgid, getresuid, initgroups, setgroups, setresgid, setresuid,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::ffi::CString;

/// Restricts this process for good. To be called before any thread runs code of a plugin.
///
/// # Errors
/// A user or a limit cannot be had.
pub(crate) fn restrict(spec: &ProcessSpec) -> Result<(), Error> {
    // A name is asked for while everything may be asked, and a limit is raised while that is allowed.
    let identity = Identity::of(spec)?;
    limit(spec)?;
    if let Some(identity) = identity {
        identity.become_it()?;
    }
    gain_none(spec)
}

/// The part of it that counts for the calling thread, and for those that it begins from now on. It takes nothing away.
///
/// # Errors
/// The system does not know that.
pub(crate) fn gain_none(spec: &ProcessSpec) -> Result<(), Error> {
    if !spec.no_new_privs {
        return Ok(());
    }
    let set = rustix::thread::set_no_new_privs(true);
    set.map_err(|cause| Error::spec(format!("cannot give up new privileges: {cause}")))
}

fn limit(spec: &ProcessSpec) -> Result<(), Error> {
    let limits = [
        ("nofile", Resource::Nofile, &spec.nofile),
        ("nproc", Resource::Nproc, &spec.nproc),
        ("core", Resource::Core, &spec.core),
        ("address_space", Resource::As, &spec.address_space),
    ];
    for (name, resource, limit) in limits {
        let Some(limit) = limit else { continue };
        let both = Rlimit { current: Some(limit.value), maximum: Some(limit.value) };
        setrlimit(resource, both).map_err(|cause| {
            let error = Error::spec(format!("cannot set `{name}` to {}: {cause}", limit.value));
            limit.at.place(&error.help("only root can raise a limit: `ulimit -Ha` shows what there is"))
        })?;
    }
    Ok(())
}

/// Whom a process is to become.
struct Identity {
    /// Where the spec says so.
    named: Located<String>,
    uid: Uid,
    gid: Gid,
    /// The name of the user, to find its other groups; none: it has no entry, and no other groups.
    name: Option<CString>,
}

impl Identity {
    /// None: the spec names nobody, or this process is the one that it names.
    fn of(spec: &ProcessSpec) -> Result<Option<Self>, Error> {
        let Some(named) = spec.user.as_ref().or(spec.group.as_ref()).cloned() else { return Ok(None) };
        let user = spec.user.as_ref().map(user).transpose()?;
        let group = spec.group.as_ref().map(group).transpose()?;
        let (uid, entry) = user.unwrap_or((Uid::effective(), None));
        let own = entry.as_ref().map(|entry| entry.gid).filter(|_| spec.user.is_some());
        let Some(gid) = group.or(own).or(spec.user.is_none().then(Gid::effective)) else {
            let error = Error::spec(format!("user `{}` has no entry, and so no group", named.value));
            return Err(named.at.place(&error.help("add `group`")));
        };
        if uid == Uid::effective() && gid == Gid::effective() {
            return Ok(None);
        }
        let name = entry.and_then(|entry| CString::new(entry.name).ok());
        Ok(Some(Self { named, uid, gid, name }))
    }

    /// In this order: whoever has another user id already may not change groups any more.
    fn become_it(self) -> Result<(), Error> {
        if !Uid::effective().is_root() {
            let error = Error::spec(format!("cannot become `{}`: that needs root", self.named.value));
            let help = "start the host as root, or leave `user` and `group` out";
            return Err(self.named.at.place(&error.help(help)));
        }
        let fail = |cause| {
            self.named.at.place(&Error::spec(format!("cannot become `{}`: {cause}", self.named.value)))
        };
        match &self.name {
            Some(name) => initgroups(name, self.gid).map_err(fail)?,
            None => setgroups(&[self.gid]).map_err(fail)?,
        }
        setresgid(self.gid, self.gid, self.gid).map_err(fail)?;
        setresuid(self.uid, self.uid, self.uid).map_err(fail)?;
        self.verify()?;
        // A change of the user makes a process one that leaves no core file, and whose files in /proc are root's.
        let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
        Ok(())
    }

    /// A process that only seems to have given up its rights is worse than one that has not.
    fn verify(&self) -> Result<(), Error> {
        let is_it = getresuid().is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [self.uid; 3])
            && getresgid().is_ok_and(|ids| [ids.real, ids.effective, ids.saved] == [self.gid; 3]);
        let root = (Uid::from_raw(0), Gid::from_raw(0));
        let is_back = !self.uid.is_root() && setresuid(root.0, root.0, root.0).is_ok()
            || !self.uid.is_root() && self.gid != root.1 && setresgid(root.1, root.1, root.1).is_ok();
        let has_its_groups = self.uid.is_root()
            || self.gid == root.1
            || getgroups().is_ok_and(|groups| self.name.is_some() || groups == [self.gid]);
        if is_it && !is_back && has_its_groups {
            return Ok(());
        }
        Err(Error::spec(format!("became `{}`, and could be root again", self.named.value)))
    }
}

/// A user by name or number, with its entry.
fn user(named: &Located<String>) -> Result<(Uid, Option<User>), Error> {
    let number = named.parse().ok().map(Uid::from_raw);
    let entry = match number {
        Some(uid) => User::from_uid(uid),
        None => User::from_name(named),
    };
    let entry = entry.map_err(|cause| unknown(named, "user", &cause.to_string()))?;
    match (number, entry) {
        (Some(uid), entry) => Ok((uid, entry)),
        (None, Some(entry)) => Ok((entry.uid, Some(entry))),
        (None, None) => Err(unknown(named, "user", "there is none of that name")),
    }
}

fn group(named: &Located<String>) -> Result<Gid, Error> {
    if let Ok(number) = named.parse() {
        return Ok(Gid::from_raw(number));
    }
    let entry = Group::from_name(named).map_err(|cause| unknown(named, "group", &cause.to_string()))?;
    let entry = entry.ok_or_else(|| unknown(named, "group", "there is none of that name"))?;
    Ok(entry.gid)
}

fn unknown(named: &Located<String>, what: &str, why: &str) -> Error {
    named.at.place(&Error::spec(format!("no {what} `{}`: {why}", named.value)))
}
