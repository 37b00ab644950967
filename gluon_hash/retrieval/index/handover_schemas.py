"""Schemas, example queries and instructions for the engines of gluon_hash.retrieval.index.handover.

@NAMES@ are filled in.
"""

from __future__ import annotations

__all__ = ["PATH_FIELDS", "README", "SCHEMAS"]

SCHEMAS = {
    "pgvector": {
        "schema.sql": """CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE @NAME@ (id bigint PRIMARY KEY, level_labels integer[] NOT NULL,
  code bit(@NUM_BITS@) NOT NULL@PATH_FIELD@);
\\copy @NAME@ FROM '@DATA@'
-- exact without an index; with this one faster and approximate: it may miss even an equal code
-- CREATE INDEX ON @NAME@ USING hnsw (code bit_hamming_ops);
""",
        "query.sql": """SELECT id, (code <~> B'@BITS@')::int AS distance
FROM @NAME@ ORDER BY code <~> B'@BITS@', id LIMIT 10;
""",
    },
    "elasticsearch": {
        "schema.json": """{"mappings": {"properties": {
  "code": {"type": "dense_vector", "element_type": "bit", "dims": @PADDED_BITS@, "index": true,
           "similarity": "l2_norm"},
  "level_labels": {"type": "integer"}@PATH_FIELD@}}}
""",
        "query.json": """{"knn": {"field": "code", "query_vector": @BYTES@, "k": 10,
 "num_candidates": 100}}
""",
    },
    "opensearch": {
        "schema.json": """{"settings": {"index.knn": true}, "mappings": {"properties": {
  "code": {"type": "knn_vector", "dimension": @PADDED_BITS@, "data_type": "binary",
           "space_type": "hamming", "method": {"name": "hnsw", "engine": "faiss"}},
  "level_labels": {"type": "integer"}@PATH_FIELD@}}}
""",
        "query.json": """{"size": 10, "query": {"knn": {"code": {"vector": @BYTES@, "k": 10}}}}
""",
    },
    "vespa": {
        "schema.sd": """schema @NAME@ {
  document @NAME@ {
    field item type long { indexing: summary | attribute }
    field level_labels type array<int> { indexing: summary | attribute }@PATH_FIELD@
    field code type tensor<int8>(x[@NUM_BYTES@]) {
      indexing: attribute | index
      attribute { distance-metric: hamming }
    }
  }
  rank-profile hamming {
    inputs { query(q) tensor<int8>(x[@NUM_BYTES@]) }
    first-phase { expression: -distance(field, code) }
  }
}
""",
        "query.json": """{"yql":
 "select item from @NAME@ where {targetHits: 10}nearestNeighbor(code, q)",
 "ranking": "hamming", "input.query(q)": @BYTES@}
""",
    },
    "milvus": {
        "schema.json": """{"collection": "@NAME@", "fields": [
  {"name": "id", "type": "INT64", "is_primary": true, "auto_id": false},
  {"name": "code", "type": "BINARY_VECTOR", "dim": @PADDED_BITS@},
  {"name": "level_labels", "type": "ARRAY", "element_type": "INT32",
   "max_capacity": @MAX_LEVELS@}@PATH_FIELD@],
 "index": {"field": "code", "index_type": "BIN_FLAT", "metric_type": "HAMMING"}}
""",
        "query.json": """{"collection": "@NAME@", "anns_field": "code", "data": [@PACKED@],
 "limit": 10, "search_params": {"metric_type": "HAMMING"}}
""",
    },
    "qdrant": {
        "schema.json": """{"vectors": {"size": @NUM_BITS@, "distance": "Dot"},
 "quantization_config": {"binary": {"always_ram": true}}}
""",
        "query.json": """{"query": @SIGNS@, "limit": 10,
 "params": {"quantization": {"rescore": true}}}
""",
    },
}

# what a schema says of the paths of the images; Qdrant's payload needs no schema
PATH_FIELDS = {
    "pgvector": ", path text NOT NULL",
    "elasticsearch": ', "path": {"type": "keyword"}',
    "opensearch": ', "path": {"type": "keyword"}',
    "vespa": "\n    field path type string { indexing: summary | attribute }",
    "milvus": ',\n  {"name": "path", "type": "VARCHAR", "max_length": 16384}',
    "qdrant": "",
}

ORDER = "most significant bit first: our bit 0 is the 128 of byte 0; padding bits at the end are 0"
README = {
    "pgvector": """@COUNT@ codes of @NUM_BITS@ bits for PostgreSQL with pgvector 0.7 or newer.
Load: psql -d DATABASE -f schema.sql     (in this folder; @DATA@ is read by \\copy)
Ask:  psql -d DATABASE -f query.sql      (the first code; <~> is the Hamming distance)
Without pgvector, PostgreSQL 14 or newer scans: bit_count(code # B'...') in place of
code <~> B'...'.
Bits: text of '0' and '1', bit 0 first; 1 where the network's output is >= 0.
""",
    "elasticsearch": f"""@COUNT@ codes of @NUM_BITS@ bits for Elasticsearch 8.15 or newer.
Load: curl -X PUT HOST:9200/@NAME@ -H 'Content-Type: application/json' --data-binary @schema.json
      curl -X POST HOST:9200/_bulk -H 'Content-Type: application/x-ndjson' --data-binary @@DATA@
Ask:  curl HOST:9200/@NAME@/_search -H 'Content-Type: application/json' --data-binary @query.json
Bits: signed bytes, {ORDER}. l2_norm is the only similarity that bit vectors take: the score is
(@PADDED_BITS@ - distance) / @PADDED_BITS@.
""",
    "opensearch": f"""@COUNT@ codes of @NUM_BITS@ bits for OpenSearch 2.16 or newer.
Load: curl -X PUT HOST:9200/@NAME@ -H 'Content-Type: application/json' --data-binary @schema.json
      curl -X POST HOST:9200/_bulk -H 'Content-Type: application/x-ndjson' --data-binary @@DATA@
Ask:  curl HOST:9200/@NAME@/_search -H 'Content-Type: application/json' --data-binary @query.json
Bits: signed bytes, {ORDER}. The score is 1 / (1 + distance).
""",
    "vespa": f"""@COUNT@ codes of @NUM_BITS@ bits for Vespa 8.
Load: put schema.sd into the application's schemas/ as @NAME@.sd, deploy, then: vespa feed @DATA@
Ask:  vespa query --file query.json      (or POST query.json to /search/)
Bits: signed bytes, {ORDER}.
""",
    "milvus": """@COUNT@ codes of @NUM_BITS@ bits for Milvus 2.4 or newer.
Load: create the collection of schema.json; insert the rows of @DATA@ with `code` as
      bytes(row["code"]). `gluon-hash index build CODES --url URL` does both.
Ask:  query.json, `data` as bytes.
Bits: bytes as in codes.npz: least significant bit first; padding bits are 0.
""",
    "qdrant": """@COUNT@ codes of @NUM_BITS@ bits for Qdrant 1.9 or newer.
Load: PUT schema.json to /collections/@NAME@; upsert the points of @DATA@ in batches.
Ask:  POST query.json to /collections/@NAME@/points/query
Bits: Qdrant has no binary vectors: +1 and -1, bit 0 first. The score is a dot product:
distance = (@NUM_BITS@ - score) / 2.
Binary quantisation keeps the signs, so it loses nothing.
""",
}
