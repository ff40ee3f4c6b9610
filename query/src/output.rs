//! The answer, in the format asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::execution::SendableRecordBatchStream;
use futures_util::TryStreamExt as _;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::Format;

/// Writes the answer; a file appears under its name once it is whole.
///
/// # Errors
/// An answer that breaks off, an output that cannot be written.
pub async fn write(
    batches: SendableRecordBatchStream,
    format: Format,
    to: Option<&Path>,
) -> anyhow::Result<()> {
    let Some(path) = to else {
        return into(batches, format, io::stdout().lock()).await;
    };
    let name = path
        .file_name()
        .context("the output has no name")?
        .to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let file = File::create(&temporary).with_context(|| temporary.display().to_string())?;
    let written = into(batches, format, file).await;
    if written.is_ok() {
        return std::fs::rename(&temporary, path).with_context(|| path.display().to_string());
    }
    let _ = std::fs::remove_file(&temporary);
    written
}

async fn into(
    mut batches: SendableRecordBatchStream,
    format: Format,
    out: impl Write,
) -> anyhow::Result<()> {
    let out = BufWriter::new(out);
    let schema = batches.schema();
    match format {
        Format::Table => {
            let mut out = out;
            let batches: Vec<RecordBatch> = batches.try_collect().await?;
            writeln!(
                out,
                "{}",
                pretty_format_batches_with_schema(schema, &batches)?
            )?;
            out.flush()?;
        }
        Format::Csv => {
            let schema = told(&schema);
            let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
            writer.write(&RecordBatch::new_empty(schema.clone()))?;
            while let Some(batch) = batches.try_next().await? {
                writer.write(&tell(&schema, &batch)?)?;
            }
            writer.into_inner().flush()?;
        }
        Format::Json => {
            let builder = json::writer::WriterBuilder::new().with_explicit_nulls(true);
            let mut writer = builder.build::<_, json::writer::JsonArray>(out);
            while let Some(batch) = batches.try_next().await? {
                writer.write(&batch)?;
            }
            writer.finish()?;
            let mut out = writer.into_inner();
            out.write_all(b"\n")?;
            out.flush()?;
        }
        Format::Parquet => {
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
                .build();
            // A table without a name for its place: standard output cannot seek, and need not.
            let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
            let mut out = out;
            while let Some(batch) = batches.try_next().await? {
                writer.write(&batch)?;
            }
            out.write_all(&writer.into_inner()?)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// What CSV has no form for becomes text.
fn told(schema: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            let kind = if is_plain(field.data_type()) {
                field.data_type().clone()
            } else {
                DataType::Utf8
            };
            Field::new(field.name(), kind, true)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn is_plain(kind: &DataType) -> bool {
    !kind.is_nested()
        && !matches!(
            kind,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        )
}

fn tell(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let options = FormatOptions::default();
    let columns = batch.columns().iter().map(|column| {
        if is_plain(column.data_type()) {
            return Ok(column.clone());
        }
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
        let cells = (0..column.len()).map(|row| {
            column
                .is_valid(row)
                .then(|| formatter.value(row).to_string())
        });
        Ok(Arc::new(cells.collect::<StringArray>()) as ArrayRef)
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, ArrowError>>()?)
}

/// Whether an error is that the reader of the output has gone away.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let source = cause.downcast_ref::<io::Error>();
        let arrow = match cause.downcast_ref::<ArrowError>() {
            Some(ArrowError::IoError(_, source)) => Some(source),
            _ => None,
        };
        source
            .or(arrow)
            .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
    })
}
