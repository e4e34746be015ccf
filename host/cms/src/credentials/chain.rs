//! The chain: asks each place in turn, and keeps what it got until that is about to expire.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::provider::{ORDER, Places, Provider};
use super::{ChainConfig, Credentials, CredentialsError, NotGiven};
use crate::Clock;

/// How long before they expire credentials are replaced, as the official SDKs do; later where they last for a short time only.
const AHEAD: Duration = Duration::from_secs(15 * 60);

/// When a key that does not expire is looked for again: its file may have another by then.
const REREAD: Duration = Duration::from_secs(5 * 60);

/// When a refresh that failed is tried again, while the old credentials last.
const AGAIN: Duration = Duration::from_secs(60);

/// Finds credentials, and finds them again before they expire. Callers that come while it looks share what it finds.
#[derive(Debug)]
pub struct CredentialChain {
    /// None where the credentials were given.
    places: Option<Places>,
    state: Mutex<State>,
    /// Who looks holds it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// How often somebody looked, and what became of it the last time if nothing was found.
    looked: u64,
    failure: Option<CredentialsError>,
}

#[derive(Debug, Clone)]
struct Held {
    credentials: Arc<Credentials>,
    provider: Option<Provider>,
    /// None: never.
    refresh_at: Option<SystemTime>,
    /// A server refused them. If the place that gave them has them no more, they are not worth keeping.
    doubted: bool,
}

impl CredentialChain {
    /// A chain that looks at places.
    pub fn new(config: ChainConfig, clock: Arc<dyn Clock>) -> Self {
        Self::of(Some(Places::new(config, clock)), None)
    }

    /// Credentials that stay what they are.
    pub fn fixed(credentials: Credentials) -> Self {
        let held = Held {
            credentials: Arc::new(credentials),
            provider: None,
            refresh_at: None,
            doubted: false,
        };
        Self::of(None, Some(held))
    }

    fn of(places: Option<Places>, held: Option<Held>) -> Self {
        let state = State {
            held,
            ..State::default()
        };
        Self {
            places,
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Credentials that have not expired.
    ///
    /// # Errors
    ///
    /// No place has any: it says which were asked, and why each has none.
    pub async fn get(&self) -> Result<Arc<Credentials>, CredentialsError> {
        let looked = match self.fresh(None) {
            Ok(found) => return found,
            Err(looked) => looked,
        };
        let _turn = self.turn.lock().await;
        // Whoever had the turn may have found some, or may have found that there are none.
        if let Ok(found) = self.fresh(Some(looked)) {
            return found;
        }
        let Some(places) = &self.places else {
            return Err(CredentialsError { tried: Vec::new() });
        };
        let held = self.lock().held.clone();
        let found = look(places, held.as_ref()).await;
        self.settle(found, held, places.clock.now())
    }

    /// Which place gave those that are held. None where they were given, or none were found yet.
    pub fn place(&self) -> Option<&'static str> {
        let state = self.lock();
        let provider = state.held.as_ref().and_then(|held| held.provider);
        provider.map(Provider::name)
    }

    /// Says that a server refused these. They are looked for again at the next call, and used on if there are no others.
    pub(crate) fn doubt(&self, credentials: &Arc<Credentials>) {
        let Some(places) = &self.places else { return };
        if let Some(held) = &mut self.lock().held
            && Arc::ptr_eq(&held.credentials, credentials)
        {
            held.refresh_at = Some(places.clock.now());
            held.doubted = true;
        }
    }

    /// What needs no looking. `waited` is for who waited for somebody that looked: how often that had happened before. If it
    /// has to be looked for, how often that happened so far.
    fn fresh(
        &self,
        waited: Option<u64>,
    ) -> Result<Result<Arc<Credentials>, CredentialsError>, u64> {
        let state = self.lock();
        let now = self.places.as_ref().map(|places| places.clock.now());
        if let Some(held) = &state.held
            && held
                .refresh_at
                .is_none_or(|at| now.is_some_and(|now| now < at))
        {
            return Ok(Ok(held.credentials.clone()));
        }
        match &state.failure {
            Some(failure) if waited.is_some_and(|waited| waited < state.looked) => {
                Ok(Err(failure.clone()))
            }
            _ => Err(state.looked),
        }
    }

    fn settle(
        &self,
        found: Result<Held, CredentialsError>,
        before: Option<Held>,
        now: SystemTime,
    ) -> Result<Arc<Credentials>, CredentialsError> {
        let lasts = |held: &Held| held.credentials.expires.is_none_or(|expires| now < expires);
        let mut state = self.lock();
        state.looked += 1;
        state.failure = None;
        let held = match (found, before.filter(lasts)) {
            (Ok(held), _) => held,
            (Err(error), Some(before)) => {
                tracing::warn!(%error, "credentials could not be refreshed; the old ones are used on");
                Held {
                    refresh_at: Some(now + AGAIN),
                    // Until a server refuses them again.
                    doubted: false,
                    ..before
                }
            }
            (Err(error), None) => {
                state.held = None;
                state.failure = Some(error.clone());
                return Err(error);
            }
        };
        let credentials = held.credentials.clone();
        state.held = Some(held);
        Ok(credentials)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the place that gave some before; and if that gives none, and what it gave before is over or was refused, all others in their
/// order. A place that gives what was refused once more is not passed over: what others have may be of another account.
async fn look(places: &Places, before: Option<&Held>) -> Result<Held, CredentialsError> {
    let mut tried = Vec::new();
    let preferred = before.and_then(|before| before.provider);
    if let Some(provider) = preferred {
        match ask(places, provider).await {
            Ok(held) => return Ok(held),
            Err(not_given) => tried.push(not_given),
        }
        let expires = before.and_then(|before| before.credentials.expires);
        let lasts = expires.is_none_or(|expires| places.clock.now() < expires);
        if lasts && !before.is_some_and(|before| before.doubted) {
            return Err(CredentialsError { tried });
        }
    }
    for provider in ORDER {
        if Some(provider) == preferred {
            continue;
        }
        match ask(places, provider).await {
            Ok(held) => return Ok(held),
            Err(not_given) => tried.push(not_given),
        }
    }
    Err(CredentialsError { tried })
}

async fn ask(places: &Places, provider: Provider) -> Result<Held, NotGiven> {
    let credentials = provider.credentials(places).await?;
    let now = places.clock.now();
    let refresh_at = match credentials.expires {
        None => now + REREAD,
        Some(expires) => {
            let lasts = expires.duration_since(now).unwrap_or_default();
            let used = if lasts > 2 * AHEAD {
                lasts - AHEAD
            } else {
                lasts * 4 / 5
            };
            now + used
        }
    };
    Ok(Held {
        credentials: Arc::new(credentials),
        provider: Some(provider),
        refresh_at: Some(refresh_at),
        doubted: false,
    })
}
