-- The views of imgnet query, over the tables captures, streams, images, chunks and findings of a lake.
-- The SQL is that which DataFusion and DuckDB have in common.

-- A row for each picture that was moved: what, from where to where, how long it took, what became of it.
CREATE VIEW transfers AS
SELECT i.date, i.host, i.unit, c.name AS capture, i.id AS image, i.stream,
       i.from_address, i.from_port, i.to_address, i.to_port, i.protocol, i.format, i.width, i.height,
       i.bytes, i.complete, i.verdict, i.problem, i.started, i.ended,
       date_part('epoch', i.ended) - date_part('epoch', i.started) AS seconds,
       i.packets, i.retransmitted_packets, i.duplicate_bytes, i.gap_bytes, i.sha256
FROM images AS i
JOIN captures AS c ON c.unit = i.unit;

-- The transfers that went wrong or of which the capture lacks too much, with the errors and warnings that name them.
CREATE VIEW failures AS
SELECT t.*, f.findings
FROM transfers AS t
LEFT JOIN (
    SELECT unit, image, string_agg(name, ' ' ORDER BY name) AS findings
    FROM (SELECT DISTINCT unit, image, name FROM findings WHERE severity <> 'note' AND image IS NOT NULL) AS named
    GROUP BY unit, image
) AS f ON f.unit = t.unit AND f.image = t.image
WHERE t.verdict IN ('mismatch', 'incomplete', 'inconclusive');

-- A row for each address that sent pictures.
CREATE VIEW by_sender AS
SELECT from_address, count(*) AS pictures, sum(bytes) AS bytes,
       sum(CASE WHEN complete THEN 1 ELSE 0 END) AS whole,
       sum(CASE WHEN verdict IN ('mismatch', 'incomplete') THEN 1 ELSE 0 END) AS failed,
       sum(CASE WHEN verdict = 'inconclusive' THEN 1 ELSE 0 END) AS inconclusive,
       sum(retransmitted_packets) AS retransmitted_packets, sum(gap_bytes) AS gap_bytes
FROM images
GROUP BY from_address;

-- A row for each day.
CREATE VIEW by_day AS
SELECT c.date, count(*) AS captures, sum(c.totals_streams) AS streams, sum(c.totals_images) AS pictures,
       sum(c.totals_image_bytes) AS bytes, sum(i.failed) AS failed, sum(i.inconclusive) AS inconclusive
FROM captures AS c
LEFT JOIN (
    SELECT unit, sum(CASE WHEN verdict IN ('mismatch', 'incomplete') THEN 1 ELSE 0 END) AS failed,
           sum(CASE WHEN verdict = 'inconclusive' THEN 1 ELSE 0 END) AS inconclusive
    FROM images
    GROUP BY unit
) AS i ON i.unit = c.unit
GROUP BY c.date;

-- The chunks with missing or repeated bytes, with their place among all: 1 is the worst.
CREATE VIEW worst_chunks AS
SELECT row_number() OVER (ORDER BY k.gap_bytes DESC, k.duplicate_bytes DESC, k.packets DESC, k.unit, k.image, k.index) AS place,
       k.date, k.host, k.unit, i.from_address, i.to_address, k.image, k.index, k.bytes, k.gap_bytes, k.duplicate_bytes,
       k.packets, k.first_packet, k.last_packet
FROM chunks AS k
JOIN images AS i ON i.unit = k.unit AND i.id = k.image
WHERE k.gap_bytes > 0 OR k.duplicate_bytes > 0;
