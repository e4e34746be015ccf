//! Alibaba Cloud Monitor as the configuration has it, and `lockgate cms check`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use lockgate_cms::{
    CallError, ChainConfig, Client, CredentialChain, Datum, Dimensions, Endpoint, MetricName,
    Period, RefusalKind, Sender, SenderConfig, Statistic, SystemClock,
};
use lockgate_model::{escaped, escaped_lines};
use lockgate_telemetry::cms::{CmsConfig, MetricNames, Mode};

use crate::args::CmsCheckArgs;
use crate::config::{self, CmsMode, Config};
use crate::exit::Failed;

/// How CMS is told, as the configuration has it.
pub(crate) struct Setup {
    pub(crate) report: CmsConfig,
    pub(crate) names: MetricNames,
    client: Client,
    sender: SenderConfig,
}

impl Setup {
    /// None where nobody is to be told: neither a region nor an endpoint is set, or the host is on somebody's desk.
    pub(crate) fn of(config: &Config, instance: &str) -> anyhow::Result<Option<Self>> {
        if !config.cms.is_set() || config.environment.is_dev() {
            return Ok(None);
        }
        Self::even_in_dev(config, instance).map(Some)
    }

    fn even_in_dev(config: &Config, instance: &str) -> anyhow::Result<Self> {
        let table = &config.cms;
        let client = client(config)?;
        let mut sender = SenderConfig::new(config.data.folder.join("cms-spool"));
        sender.spool_bytes = table.spool_bytes.get();
        Ok(Self {
            report: CmsConfig {
                mode: match table.mode {
                    CmsMode::Aggregated => Mode::Aggregated,
                    CmsMode::Raw => Mode::Raw {
                        sample: table.sample.get(),
                    },
                },
                group_id: table.group_id.get(),
                instance: instance.to_owned(),
            },
            names: names(config)?,
            client,
            sender,
        })
    }

    /// Starts to send, with what an earlier process left on the disk.
    pub(crate) async fn sender(&self) -> anyhow::Result<Sender> {
        let sender = Sender::start(self.client.clone(), self.sender.clone()).await;
        sender.with_context(|| format!("the spool of CMS, {}", self.sender.folder.display()))
    }

    /// One metric that says that this works.
    fn test_metric(&self) -> anyhow::Result<Datum> {
        let name: MetricName = self
            .names
            .get("telemetry", "check")
            .context("there is no name for a check")?
            .clone();
        let dimensions = Dimensions::new().with_mangled("instance", &self.report.instance)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = u64::try_from(now.as_millis())?;
        let datum = match self.report.mode {
            Mode::Raw { .. } => Datum::raw(name, dimensions, 1.0, now),
            Mode::Aggregated => {
                let values = [(Statistic::Sum, 1.0), (Statistic::SampleCount, 1.0)];
                Datum::aggregated(name, dimensions, Period::Minute, values, now)
            }
        };
        Ok(datum?.in_group(self.report.group_id))
    }
}

/// Sends one metric, and says what came back and what helps.
pub(crate) async fn check(args: CmsCheckArgs) -> Result<(), Failed> {
    let (config, _) = config::load(&args.config)?;
    let setup = Setup::even_in_dev(&config, &instance(&config.server.listen))?;
    let datum = setup.test_metric()?;
    println!(
        "endpoint: {}",
        escaped(&setup.client.endpoint().to_string())
    );
    for (name, value) in datum.parameters(1) {
        println!("{name}: {}", escaped(&value));
    }
    let credentials = credentials(&setup.client).await;
    println!("credentials: {}", escaped(&credentials));
    if config.environment.is_dev() {
        println!("note: the environment is `dev`, so a server would tell CMS nothing");
    }
    if args.dry_run {
        println!("not sent: this is a dry run");
        return Ok(());
    }
    match setup.client.put_custom_metric(&[datum]).await {
        Ok(()) => {
            println!("sent: CMS took it, and shows it among custom metrics within some minutes");
            Ok(())
        }
        Err(error) => {
            let advice = advice(&error);
            let error = escaped_lines(&error.to_string()).to_string();
            Err(anyhow::anyhow!("{error}\n{advice}").into())
        }
    }
}

/// Which place has credentials, or why none has any. Nothing of a key is in it.
async fn credentials(client: &Client) -> String {
    let credentials = client.credentials();
    match credentials.get().await {
        Ok(_) => credentials.place().unwrap_or("given").to_owned(),
        Err(error) => format!("none ({error})"),
    }
}

/// A client with the credentials of this process.
pub(crate) fn client(config: &Config) -> anyhow::Result<Client> {
    let clock = Arc::new(SystemClock);
    let credentials = CredentialChain::new(ChainConfig::from_process(), clock.clone());
    Ok(Client::new(
        endpoint(config)?,
        Arc::new(credentials),
        clock,
    )?)
}

/// What tells this host from others: the machine's name, and the port.
pub(crate) fn instance(listen: &std::net::SocketAddr) -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let name = name.unwrap_or_else(|_| "localhost".to_owned());
    format!("{}-{}", name.trim(), listen.port())
}

/// The names of metrics.
pub(crate) fn names(config: &Config) -> anyhow::Result<MetricNames> {
    let pattern = &config.cms.name_pattern;
    MetricNames::new(pattern).with_context(|| format!("`cms.name_pattern`, {pattern:?}"))
}

fn endpoint(config: &Config) -> anyhow::Result<Endpoint> {
    let table = &config.cms;
    if !table.is_set() {
        bail!("there is nobody to tell: set `cms.region`, such as cn-hangzhou, or `cms.endpoint`");
    }
    if table.endpoint.is_empty() {
        let region = Endpoint::of_region(&table.region);
        return region.with_context(|| format!("`cms.region`, {:?}", table.region));
    }
    let Ok(endpoint) = Endpoint::at(&table.endpoint) else {
        // Not repeated: it may hold a password.
        bail!(
            "`cms.endpoint` is no address such as https://metrics.cn-hangzhou.aliyuncs.com, without a user, a path or a query"
        );
    };
    if table.region.is_empty() {
        return Ok(endpoint);
    }
    // How often it lets itself be asked is the region's.
    let endpoint = endpoint.in_region(&table.region);
    endpoint.with_context(|| format!("`cms.region`, {:?}", table.region))
}

/// What helps against an error.
pub(crate) fn advice(error: &CallError) -> &'static str {
    match error {
        CallError::Credentials(_) => {
            "give credentials in one of the places above; the first that has any is used"
        }
        CallError::Throttled { .. } => {
            "the account asks too much at once: try again, and see what else reports to CMS"
        }
        CallError::Fault { .. } => "that is on CMS's side: try again",
        CallError::Retryable { .. } => {
            "see that this machine reaches the endpoint; in a VPC it is metrics-vpc.<region>.aliyuncs.com"
        }
        CallError::Expired { .. } => "see that the clock of this machine is right",
        CallError::Refused(refusal) => match refusal.kind {
            RefusalKind::Authentication => {
                "see that the key is right and active, and that its user or role may do cms:PutCustomMetric"
            }
            RefusalKind::Quota if refusal.message.contains("original value") => {
                "the account has not paid for raw values: `cms.mode = \"aggregated\"` is free"
            }
            RefusalKind::Quota => {
                "the account has too many time series: see in CMS's console which metrics have them, or raise its quota"
            }
            RefusalKind::Parameter => "see `cms.group_id` and `cms.name_pattern`",
            RefusalKind::TooLarge | RefusalKind::Other => {
                "see the code in CMS's documentation of PutCustomMetric"
            }
        },
        _ => "see the code in CMS's documentation of PutCustomMetric",
    }
}
