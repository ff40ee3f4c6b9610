//! One table of one unit as a Parquet file, made in a temporary file: memory holds one row group at most.

use std::fs::File;
use std::io::Seek as _;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::{Map, Value};

use super::batch::{batch, schema};
use super::error::Error;
use crate::report::tables::{self, Table};

/// Rows that become cells at once.
const BATCH: usize = 1024;
/// Rows of a row group, at most: what is in memory before it is written.
pub(super) const GROUP: usize = 128 * 1024;

/// A table in the making.
pub(crate) struct TableFile {
    pub(super) table: Table,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    waiting: Vec<Map<String, Value>>,
    rows: u64,
}

/// A table that is made.
pub(super) struct Made {
    pub(super) table: Table,
    /// At its start.
    pub(super) file: File,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

impl TableFile {
    /// A table without a row.
    ///
    /// # Errors
    /// No room for a temporary file.
    pub(crate) fn new(table: Table) -> Result<Self, Error> {
        let schema = schema(table);
        let file = tempfile::tempfile().map_err(Error::Spool)?;
        let properties = properties(table, &schema, true)?;
        let writer =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(failed(table))?;
        Ok(Self {
            table,
            schema,
            writer,
            waiting: Vec::new(),
            rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// A temporary file that cannot be written.
    pub(crate) fn push(&mut self, row: Map<String, Value>) -> Result<(), Error> {
        self.rows += 1;
        self.waiting.push(row);
        if self.waiting.len() >= BATCH {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.waiting);
        if rows.is_empty() {
            return Ok(());
        }
        let batch = batch(self.table, &self.schema, &rows)
            .map_err(ParquetError::from)
            .map_err(failed(self.table))?;
        self.writer.write(&batch).map_err(failed(self.table))
    }

    /// The file, whole.
    pub(super) fn finish(mut self) -> Result<Made, Error> {
        self.flush()?;
        Made::of(self.table, self.writer, self.rows)
    }
}

impl Made {
    /// What was written, at its start.
    pub(super) fn of(table: Table, writer: ArrowWriter<File>, rows: u64) -> Result<Self, Error> {
        let mut file = writer.into_inner().map_err(failed(table))?;
        let bytes = file.stream_position().map_err(Error::Spool)?;
        file.rewind().map_err(Error::Spool)?;
        Ok(Self {
            table,
            file,
            bytes,
            rows,
        })
    }
}

fn failed(table: Table) -> impl Fn(ParquetError) -> Error {
    move |source| Error::Table {
        name: table.name().to_owned(),
        source,
    }
}

/// How tables are stored: zstd, dictionaries, statistics; `unit` where it is of one unit, whose rows are in the table's
/// order.
pub(super) fn properties(
    table: Table,
    schema: &SchemaRef,
    unit: bool,
) -> Result<WriterProperties, Error> {
    let level = ZstdLevel::try_new(3).map_err(failed(table))?;
    let order = table.order().iter().filter_map(|name| {
        // Leaves are counted, and the columns of an order stand before the first that has several.
        let index = schema.index_of(name).ok()?;
        let before = schema.fields().iter().take(index);
        before
            .clone()
            .all(|field| !field.data_type().is_nested())
            .then_some(())?;
        let column_idx = i32::try_from(index).ok()?;
        Some(SortingColumn {
            column_idx,
            descending: false,
            nulls_first: false,
        })
    });
    let order: Vec<_> = order.collect();
    let metadata = vec![
        KeyValue::new("imgnet.schema".to_owned(), tables::SCHEMA.to_owned()),
        KeyValue::new("imgnet.table".to_owned(), table.name().to_owned()),
    ];
    Ok(WriterProperties::builder()
        .set_created_by(concat!("imgnet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(true)
        // Of pages only where there are many: in the small file of a unit the index would be larger than the rows.
        .set_statistics_enabled(if unit {
            EnabledStatistics::Chunk
        } else {
            EnabledStatistics::Page
        })
        .set_offset_index_disabled(unit)
        .set_max_row_group_row_count(Some(GROUP))
        .set_sorting_columns((unit && !order.is_empty()).then_some(order))
        .set_key_value_metadata(Some(metadata))
        .build())
}
