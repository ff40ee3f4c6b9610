//! Columns and cells as Arrow has them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder,
};
use arrow_array::{ArrayRef, ListArray, RecordBatch, StructArray, TimestampNanosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use serde_json::{Map, Value};

use crate::report::tables::{self, Column, Kind, Part, Table};

/// The schema of a table. Each field says its unit and the member of the report that it is; what it
/// means stands once, in the lake's description of itself.
pub(super) fn schema(table: Table) -> SchemaRef {
    let fields: Vec<Field> = (1_u32..)
        .zip(tables::columns(table))
        .map(|(number, column)| {
            let mut metadata =
                HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), number.to_string())]);
            if let Some(unit) = column.unit {
                metadata.insert("unit".to_owned(), unit.to_owned());
            }
            if let Some(report) = &column.report {
                metadata.insert("report".to_owned(), report.clone());
            }
            Field::new(&column.name, data_type(&column.kind), true).with_metadata(metadata)
        })
        .collect();
    let metadata = HashMap::from([
        ("schema".to_owned(), tables::SCHEMA.to_owned()),
        ("table".to_owned(), table.name().to_owned()),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Flag => DataType::Boolean,
        Kind::Integer => DataType::Int64,
        Kind::Real => DataType::Float64,
        Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Kind::Bytes => DataType::Binary,
        Kind::List(of) => DataType::List(item(of)),
        Kind::Record(parts) => DataType::Struct(fields(parts)),
    }
}

fn item(kind: &Kind) -> Arc<Field> {
    Arc::new(Field::new("element", data_type(kind), true))
}

fn fields(parts: &[(String, Kind)]) -> Fields {
    parts
        .iter()
        .map(|(name, kind)| Field::new(name, data_type(kind), true))
        .collect()
}

/// Rows as one batch.
pub(super) fn batch(
    table: Table,
    schema: &SchemaRef,
    rows: &[Map<String, Value>],
) -> Result<RecordBatch, ArrowError> {
    let arrays = tables::columns(table)
        .iter()
        .map(|column| {
            let cells: Vec<_> = rows.iter().map(|row| cell(row, column)).collect();
            match column.part {
                Part::Whole => array(&column.kind, &cells),
                part => {
                    let parts: Vec<_> = cells
                        .iter()
                        .map(|cell| cell.and_then(|cell| of(cell, part)))
                        .collect();
                    if part == Part::AddressBytes {
                        return Ok(bytes(&parts));
                    }
                    let parts: Vec<_> = parts.iter().map(Option::as_ref).collect();
                    array(&column.kind, &parts)
                }
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema.clone(), arrays)
}

fn cell<'r>(row: &'r Map<String, Value>, column: &Column) -> Option<&'r Value> {
    let mut path = column.path.iter();
    let mut value = row.get(path.next()?)?;
    for name in path {
        value = value.get(name)?;
    }
    Some(value)
}

/// A part of a value, as a value.
fn of(value: &Value, part: Part) -> Option<Value> {
    let endpoint = || value.as_str()?.parse::<SocketAddr>().ok();
    Some(match part {
        Part::Whole => value.clone(),
        Part::Address | Part::AddressBytes => endpoint()?.ip().to_string().into(),
        Part::Port => endpoint()?.port().into(),
        Part::Counts => value
            .as_object()?
            .iter()
            .map(|(reason, packets)| serde_json::json!({"reason": reason, "packets": packets}))
            .collect::<Vec<_>>()
            .into(),
    })
}

fn bytes(addresses: &[Option<Value>]) -> ArrayRef {
    let mut builder = BinaryBuilder::new();
    for address in addresses {
        let address = address.as_ref().and_then(Value::as_str);
        match address.and_then(|address| address.parse::<std::net::IpAddr>().ok()) {
            Some(std::net::IpAddr::V4(address)) => builder.append_value(address.octets()),
            Some(std::net::IpAddr::V6(address)) => builder.append_value(address.octets()),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

/// Cells as an array; one that is not of its kind is unknown.
fn array(kind: &Kind, cells: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    Ok(match kind {
        Kind::Text => {
            let mut builder = StringBuilder::new();
            for cell in cells {
                builder.append_option(cell.and_then(Value::as_str));
            }
            Arc::new(builder.finish())
        }
        Kind::Flag => {
            let mut builder = BooleanBuilder::new();
            for cell in cells {
                builder.append_option(cell.and_then(Value::as_bool));
            }
            Arc::new(builder.finish())
        }
        Kind::Integer => {
            let mut builder = Int64Builder::new();
            for cell in cells {
                builder.append_option(cell.and_then(Value::as_i64));
            }
            Arc::new(builder.finish())
        }
        Kind::Real => {
            let mut builder = Float64Builder::new();
            for cell in cells {
                builder.append_option(cell.and_then(Value::as_f64));
            }
            Arc::new(builder.finish())
        }
        Kind::Time => {
            let moments = cells.iter().map(|cell| {
                let moment: jiff::Timestamp = cell.and_then(Value::as_str)?.parse().ok()?;
                i64::try_from(moment.as_nanosecond()).ok()
            });
            let moments: TimestampNanosecondArray = moments.collect();
            Arc::new(moments.with_timezone("UTC"))
        }
        // Addresses alone are bytes, and are made where they are known to be.
        Kind::Bytes => Arc::new(arrow_array::BinaryArray::new_null(cells.len())),
        Kind::List(of) => {
            let lists: Vec<_> = cells
                .iter()
                .map(|cell| cell.and_then(Value::as_array))
                .collect();
            let lengths = lists.iter().map(|list| list.map_or(0, Vec::len));
            let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths);
            let known = lists.iter().map(Option::is_some).collect::<Vec<_>>();
            let items: Vec<_> = lists
                .iter()
                .flatten()
                .flat_map(|list| list.iter().map(Some))
                .collect();
            Arc::new(ListArray::try_new(
                item(of),
                offsets,
                array(of, &items)?,
                Some(known.into()),
            )?)
        }
        Kind::Record(parts) => {
            let known: Vec<bool> = cells
                .iter()
                .map(|cell| cell.is_some_and(Value::is_object))
                .collect();
            let arrays = parts
                .iter()
                .map(|(name, kind)| {
                    let cells: Vec<_> = cells
                        .iter()
                        .map(|cell| cell.and_then(|cell| cell.get(name)))
                        .collect();
                    array(kind, &cells)
                })
                .collect::<Result<Vec<_>, _>>()?;
            Arc::new(StructArray::try_new(
                fields(parts),
                arrays,
                Some(known.into()),
            )?)
        }
    })
}
