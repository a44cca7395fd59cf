#include "vaultd/core/audit_tree.h"

#include <stdlib.h>
#include <string.h>

#include "vaultd/base/bytes.h"
#include "vaultd/core/work.h"
#include "vaultd/crypto/kdf.h"

#define LEAVES_LABEL "vaultd audit leaves"
#define CANCEL_EVERY 1024 /* records between looks at whether to go on, and telling how far it is */

typedef uint8_t tree_hash[SHA256_BYTES];

/* Reads leaves in their order. */
struct leaf_reader {
	const struct tree_source *source;
	struct mac_key key;
	struct audit_scan *scan;
	uint64_t next;	 /* sequence number */
	struct buf leaf; /* the last one */
};

void
audit_tree_free(struct audit_tree *tree)
{
	buf_free(&tree->chunks);
}

static void
reader_close(struct leaf_reader *reader)
{
	audit_scan_close(reader->scan);
	mac_key_free(&reader->key);
	buf_free(&reader->leaf);
}

/* From leaf first on, which is record first + 1. To be closed whatever comes of it. */
static enum vault_err
reader_open(struct leaf_reader *reader, const struct tree_source *source, uint64_t first)
{
	struct audit_range range = { .order = AUDIT_OLDEST, .cursor = first };
	SECRET_LOCAL(key);

	*reader = (struct leaf_reader){ .source = source, .next = first + 1 };
	TRY(secret_new(source->name_key->arena, KDF_KEY_BYTES, &key));
	kdf_derive(source->name_key->p, LEAVES_LABEL, key.p);
	TRY(mac_key_init(&reader->key, source->name_key->arena, MAC_SHA256,
			 (struct vault_bytes){ key.p, key.len }));
	return audit_scan_open(source->audit, &range, &reader->scan);
}

/* The next leaf, in reader->leaf. */
static enum vault_err
reader_next(struct leaf_reader *reader)
{
	uint8_t salt[SHA256_BYTES], number[8];
	struct audit_record rec;
	struct vault_bytes bytes;
	uint64_t seq;
	enum vault_err err;

	if (reader->next % CANCEL_EVERY == 0) {
		work_reach(reader->source->work, reader->next);
		if (atomic_load(reader->source->cancel))
			return VAULT_BUSY;
	}
	err = audit_scan_next(reader->scan, &rec, &seq);
	/* The end comes too early where records are missing. */
	if (err == VAULT_NOT_FOUND || (err == VAULT_OK && seq != reader->next))
		return VAULT_INTEGRITY;
	TRY(err);
	put_le64(number, reader->next++);
	mac_once(&reader->key, (struct vault_bytes){ number, sizeof number }, salt);
	bytes = audit_scan_bytes(reader->scan);
	reader->leaf.head = reader->leaf.tail = 0;
	TRY(buf_append(&reader->leaf, salt, TREE_SALT_BYTES));
	return buf_append(&reader->leaf, bytes.p, bytes.len);
}

static void
leaf_hash(const struct buf *leaf, uint8_t *out)
{
	static const uint8_t prefix = 0;
	struct sha256 hash;

	sha256_start(&hash);
	sha256_add(&hash, &prefix, 1);
	sha256_add(&hash, buf_data(leaf), buf_len(leaf));
	sha256_end(&hash, out);
}

static void
node_hash(const uint8_t *left, const uint8_t *right, uint8_t *out)
{
	static const uint8_t prefix = 1;
	struct sha256 hash;

	sha256_start(&hash);
	sha256_add(&hash, &prefix, 1);
	sha256_add(&hash, left, SHA256_BYTES);
	sha256_add(&hash, right, SHA256_BYTES);
	sha256_end(&hash, out);
}

/* The largest power of two below n, which is 2 or more. */
static uint64_t
split(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

static enum vault_err
read_hashes(struct leaf_reader *reader, uint64_t n, tree_hash *hashes)
{
	for (uint64_t i = 0; i < n; i++) {
		TRY(reader_next(reader));
		leaf_hash(&reader->leaf, hashes[i]);
	}
	return VAULT_OK;
}

/* Over leaves that lie in memory; n is 1 or more, at most a chunk's, so it goes 14 deep. */
static void
root_of(const tree_hash *hashes, uint64_t n, uint8_t *out)
{
	tree_hash left, right;
	uint64_t k;

	if (n == 1) {
		memcpy(out, hashes[0], SHA256_BYTES);
		return;
	}
	k = split(n);
	root_of(hashes, k, left);
	root_of(hashes + k, n - k, right);
	node_hash(left, right, out);
}

/* The tree over so many leaves, as far as it was worked out. */
struct tree_view {
	const tree_hash *chunks;
	uint64_t size;
	tree_hash tail; /* root of what is behind the whole chunks */
};

/* Over n leaves from first on; a chunk, or the tail, is known. */
static void
range_root(const struct tree_view *view, uint64_t first, uint64_t n, uint8_t *out)
{
	tree_hash left, right;
	uint64_t k;

	if (n <= TREE_CHUNK) {
		memcpy(out, n == TREE_CHUNK ? view->chunks[first / TREE_CHUNK] : view->tail,
		       SHA256_BYTES);
		return;
	}
	k = split(n);
	range_root(view, first, k, left);
	range_root(view, first + k, n - k, right);
	node_hash(left, right, out);
}

static uint64_t
chunks_known(const struct audit_tree *tree)
{
	return buf_len(&tree->chunks) / SHA256_BYTES;
}

/* Works out the chunks that are missing, then the tail. hashes: room for a chunk's. */
static enum vault_err
extend(struct audit_tree *tree, struct leaf_reader *reader, struct tree_view *view,
       tree_hash *hashes)
{
	uint64_t whole = view->size / TREE_CHUNK, rest = view->size % TREE_CHUNK;
	tree_hash root;

	for (uint64_t i = chunks_known(tree); i < whole; i++) {
		TRY(read_hashes(reader, TREE_CHUNK, hashes));
		root_of((const tree_hash *)hashes, TREE_CHUNK, root);
		TRY(buf_append(&tree->chunks, root, sizeof root));
	}
	view->chunks = (const tree_hash *)(const void *)buf_data(&tree->chunks);
	if (rest == 0)
		return VAULT_OK;
	TRY(read_hashes(reader, rest, hashes));
	root_of((const tree_hash *)hashes, rest, view->tail);
	return VAULT_OK;
}

static enum vault_err
view_make(struct audit_tree *tree, const struct tree_source *source, struct tree_view *view,
	  tree_hash *hashes)
{
	uint64_t whole = view->size / TREE_CHUNK, known = chunks_known(tree);
	struct leaf_reader reader;
	enum vault_err err;

	err = reader_open(&reader, source, (known < whole ? known : whole) * TREE_CHUNK);
	if (err == VAULT_OK)
		err = extend(tree, &reader, view, hashes);
	reader_close(&reader);
	return err;
}

enum vault_err
audit_tree_root(struct audit_tree *tree, const struct tree_source *source, uint64_t size,
		uint8_t root[static SHA256_BYTES])
{
	struct tree_view view = { .size = size };
	tree_hash *hashes = malloc(TREE_CHUNK * sizeof *hashes);
	enum vault_err err;

	if (hashes == NULL)
		return VAULT_BUSY;
	err = view_make(tree, source, &view, hashes);
	if (err == VAULT_OK)
		range_root(&view, 0, size, root);
	free(hashes);
	return err;
}

static void
path_add(struct tree_proof *proof, const uint8_t *hash)
{
	memcpy(proof->path[proof->n++], hash, SHA256_BYTES);
}

/* From the root down to the chunk, or the tail, that holds the leaf; *n gets its leaves. */
static uint64_t
path_to_chunk(const struct tree_view *view, uint64_t leaf, struct tree_proof *proof, uint64_t *n)
{
	uint64_t first = 0;
	tree_hash sibling;

	for (*n = view->size; *n > TREE_CHUNK;) {
		uint64_t k = split(*n);
		bool right = leaf - first >= k;

		range_root(view, right ? first : first + k, right ? k : *n - k, sibling);
		path_add(proof, sibling);
		first += right ? k : 0;
		*n = right ? *n - k : k;
	}
	return first;
}

static void
path_in_chunk(const tree_hash *hashes, uint64_t leaf, uint64_t n, struct tree_proof *proof)
{
	tree_hash sibling;

	while (n > 1) {
		uint64_t k = split(n);
		bool right = leaf >= k;

		root_of(right ? hashes : hashes + k, right ? k : n - k, sibling);
		path_add(proof, sibling);
		hashes += right ? k : 0;
		leaf -= right ? k : 0;
		n = right ? n - k : k;
	}
}

static void
path_reverse(struct tree_proof *proof)
{
	for (unsigned i = 0; i < proof->n / 2; i++) {
		tree_hash kept;

		memcpy(kept, proof->path[i], sizeof kept);
		memcpy(proof->path[i], proof->path[proof->n - 1 - i], sizeof kept);
		memcpy(proof->path[proof->n - 1 - i], kept, sizeof kept);
	}
}

/* Reads the leaf's chunk again, for its leaves. */
static enum vault_err
prove(const struct tree_view *view, const struct tree_source *source, uint64_t leaf,
      struct tree_proof *proof, tree_hash *hashes)
{
	uint64_t n, first = path_to_chunk(view, leaf, proof, &n);
	struct leaf_reader reader;
	enum vault_err err = reader_open(&reader, source, first);

	for (uint64_t i = 0; err == VAULT_OK && i < n; i++) {
		err = read_hashes(&reader, 1, &hashes[i]);
		if (err == VAULT_OK && first + i == leaf)
			err = buf_append(&proof->leaf, buf_data(&reader.leaf),
					 buf_len(&reader.leaf));
	}
	reader_close(&reader);
	TRY(err);
	path_in_chunk((const tree_hash *)hashes, leaf - first, n, proof);
	path_reverse(proof);
	return VAULT_OK;
}

enum vault_err
audit_tree_prove(struct audit_tree *tree, const struct tree_source *source, uint64_t size,
		 uint64_t seq, struct tree_proof *proof)
{
	struct tree_view view = { .size = size };
	tree_hash *hashes = malloc(TREE_CHUNK * sizeof *hashes);
	enum vault_err err;

	if (hashes == NULL)
		return VAULT_BUSY;
	proof->n = 0;
	err = view_make(tree, source, &view, hashes);
	if (err == VAULT_OK)
		err = prove(&view, source, seq - 1, proof, hashes);
	free(hashes);
	return err;
}
