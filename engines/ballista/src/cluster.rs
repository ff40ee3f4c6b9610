//! A question on a cluster, and the programs of the cluster.
//!
//! A cluster reads the lake itself, part by part, and may lose an executor meanwhile. What it cannot promise is asked for
//! here: that the lake stood still, that no executor was lost, and that each part of the answer came once. Else there is no answer, and the question is
//! to be asked again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ballista::prelude::{SessionConfigExt as _, SessionContextExt as _};
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{GetJobStatusParams, SuccessfulJob, job_status};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use datafusion_proto::protobuf::LogicalPlanNode;
use futures_util::stream;
use imgnet_query::lake::{self, Lake};
use imgnet_query::{Query, output};
use serde::Deserialize;

/// Into how many parts a stage is cut: more than most clusters have executors, few enough for small lakes.
const PARTS: usize = 32;

/// How often the executors are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Asks a cluster.
pub async fn answer(query: &Query) -> anyhow::Result<()> {
    let url = query
        .ballista
        .as_deref()
        .context("--ballista URL is missing")?;
    let sql = query.question()?;
    let before = Lake::of(&query.lake)
        .await
        .with_context(|| query.lake.clone())?;
    if let Some(why) = before.snapshot().unfinished() {
        bail!(
            "{}: a cluster would not see what counts: {why}\n  \
             end it with imgnet archive --compact --prune -o {}, or ask without --ballista",
            query.lake,
            query.lake
        );
    }
    // With the adaptive planner of Ballista 55.0 a question may never end once an executor is lost; with filters that are made
    // while a join runs its scheduler trips over joins of small tables.
    let mut config = lake::config()
        .with_target_partitions(PARTS)
        .with_ballista_adaptive_query_planner(false);
    config
        .options_mut()
        .optimizer
        .enable_dynamic_filter_pushdown = false;
    config
        .options_mut()
        .optimizer
        .enable_join_dynamic_filter_pushdown = false;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build();
    let context = SessionContext::remote_with_state(url, state)
        .await
        .with_context(|| url.to_owned())?;
    before
        .spread(&context)
        .await
        .with_context(|| query.lake.clone())?;
    let plan = lake::ask(&context, &sql, false)
        .await?
        .create_physical_plan()
        .await?;
    let schema = plan.schema();
    let cluster = Executors::of(url)?;
    let mut known = cluster.ids().await?;
    // All of it before any of it is written: what is not whole is no answer.
    let batches = {
        let asked = collect(Arc::clone(&plan), context.task_ctx());
        tokio::pin!(asked);
        let late = tokio::time::sleep(Duration::from_secs(query.timeout));
        tokio::pin!(late);
        loop {
            tokio::select! {
                answer = &mut asked => break answer.with_context(|| format!("{url}; ask again, or without --ballista"))?,
                () = &mut late => bail!("{url}: no answer within {} s (--timeout); its scheduler's log may say why", query.timeout),
                () = tokio::time::sleep(LOOK) => known = cluster.none_lost(&known).await?,
            }
        }
    };
    cluster.none_lost(&known).await?;
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    once(url, &plan, rows).await?;
    let after = Lake::of(&query.lake)
        .await
        .with_context(|| query.lake.clone())?;
    if !after.snapshot().equals(before.snapshot()) {
        bail!(
            "{}: it has changed while the cluster read it: ask again",
            query.lake
        );
    }
    let batches = RecordBatchStreamAdapter::new(schema, stream::iter(batches.into_iter().map(Ok)));
    output::write(Box::pin(batches), query.format, query.output.as_deref()).await
}

/// What the scheduler says of its executors: tasks run twice, and with Ballista 55.0 rows may come twice then, only once it has
/// given one up.
struct Executors {
    url: String,
    client: reqwest::Client,
}

#[derive(Debug, Deserialize)]
struct Executor {
    id: String,
}

impl Executors {
    fn of(scheduler: &str) -> anyhow::Result<Self> {
        Ok(Self {
            url: format!("{}/api/executors", address(scheduler)?),
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?,
        })
    }

    async fn ids(&self) -> anyhow::Result<BTreeSet<String>> {
        let executors: Vec<Executor> = async {
            self.client.get(&self.url).send().await?.error_for_status()?.json().await
        }
        .await
        .context("the scheduler does not say which executors it has (its REST API), so that an answer could not be trusted")?;
        Ok(executors.into_iter().map(|executor| executor.id).collect())
    }

    /// All that are there now, if all are that were.
    async fn none_lost(&self, known: &BTreeSet<String>) -> anyhow::Result<BTreeSet<String>> {
        let now = self.ids().await?;
        if !known.is_subset(&now) {
            bail!("an executor was lost, and rows may have come twice: ask again");
        }
        Ok(now)
    }
}

/// A scheduler's address, for those who speak HTTP.
fn address(scheduler: &str) -> anyhow::Result<String> {
    let url = url::Url::parse(scheduler).with_context(|| scheduler.to_owned())?;
    let host = url
        .host_str()
        .with_context(|| format!("{scheduler} has no host"))?;
    Ok(format!("http://{host}:{}", url.port().unwrap_or(50050)))
}

/// Makes sure that each part of an answer came once: when an executor is lost in the last stage, Ballista 55.0 may give the
/// parts of tasks that it ran twice both times.
async fn once(url: &str, plan: &Arc<dyn ExecutionPlan>, rows: usize) -> anyhow::Result<()> {
    let Some(query) = plan.downcast_ref::<DistributedQueryExec<LogicalPlanNode>>() else {
        // Nothing that a cluster is needed for, as an empty table.
        return Ok(());
    };
    let job_id = query
        .job_id()
        .context("the scheduler has given the question no number: ask again")?;
    let mut scheduler = SchedulerGrpcClient::connect(address(url)?).await?;
    let job_id = job_id.to_string();
    let status = scheduler
        .get_job_status(GetJobStatusParams { job_id })
        .await?
        .into_inner();
    match status.status.and_then(|status| status.status) {
        Some(job_status::Status::Successful(job)) => parts(&job, rows),
        other => bail!(
            "the scheduler no longer says that the question was answered ({other:?}): ask again"
        ),
    }
}

/// Each part once, and no rows but theirs.
fn parts(job: &SuccessfulJob, rows: usize) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    let mut told = Some(0_usize);
    for part in &job.partition_location {
        let place = part
            .partition_id
            .as_ref()
            .map(|id| (id.stage_id, id.partition_id));
        if !seen.insert((place, part.map_partition_id)) {
            bail!("an executor was lost, and a part of the answer came twice: ask again");
        }
        let counted = part.partition_stats.as_ref().map(|stats| stats.num_rows);
        told = told
            .zip(counted.and_then(|rows| usize::try_from(rows).ok()))
            .map(|(sum, rows)| sum + rows);
    }
    if told.is_some_and(|told| told != rows) {
        bail!(
            "{rows} rows came of {} that the executors made: ask again",
            told.unwrap_or_default()
        );
    }
    Ok(())
}

/// Is a scheduler until it is ended.
pub async fn schedule(config: ballista_scheduler::config::Config) -> anyhow::Result<()> {
    let address = format!("{}:{}", config.bind_host, config.bind_port).parse()?;
    let config: SchedulerConfig = config.try_into()?;
    let cluster = BallistaCluster::new_from_config(&config).await?;
    start_server(cluster, address, Arc::new(config)).await?;
    Ok(())
}

/// Is an executor until it is ended.
pub async fn execute(config: ballista_executor::config::Config) -> anyhow::Result<()> {
    let config: ExecutorProcessConfig = config.try_into()?;
    start_executor_process(Arc::new(config)).await?;
    Ok(())
}
