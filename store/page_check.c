#include "store/page_check.h"

#include "store/lmdb_error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC 0xBEEFC0DE
#define META_VERSION 1
#define NO_PAGE UINT64_MAX /* root of an empty tree */
#define TREE_DEPTH_MOST 32 /* LMDB's CURSOR_STACK */

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_TREE = 2 };

struct page_header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower; /* end of the node offsets; with `upper` the page count of an overflow page */
    uint16_t upper;
};

struct tree {
    uint32_t pad; /* page size, in the first tree of a meta page */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
};

struct meta {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree trees[2]; /* free pages, main */
    uint64_t last_page;
    uint64_t txn_id;
};

struct node {
    uint16_t low; /* length of the data; with `flags` the page below, in a branch */
    uint16_t high;
    uint16_t flags;
    uint16_t key_length;
};

struct walk {
    int fd;
    uint32_t page_size;
    uint64_t pages;  /* whole pages that the file has */
    uint64_t budget; /* pages still to be looked at */
    char what[160];  /* what was found wrong */
};

static bool read_meta(int fd, uint64_t page_size, int slot, struct meta *out)
{
    unsigned char bytes[sizeof(struct page_header) + sizeof(struct meta)];
    struct page_header header;

    if (pread(fd, bytes, sizeof(bytes), (off_t)(page_size * (uint64_t)slot)) != (ssize_t)sizeof(bytes))
        return false;
    memcpy(&header, bytes, sizeof(header));
    memcpy(out, bytes + sizeof(header), sizeof(*out));
    return (header.flags & PAGE_META) != 0 && out->magic == META_MAGIC;
}

static bool page_size_is_sane(uint32_t size)
{
    return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

static bool meta_is_sane(const struct meta *meta, uint32_t page_size)
{
    return meta->version == META_VERSION && meta->trees[0].pad == page_size &&
           meta->map_size / page_size > meta->last_page && meta->map_size <= 1ULL << 46;
}

int page_check_header(int fd, const char *folder, struct error *err)
{
    struct meta first, second;
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return lmdb_error_damaged(err, folder, "data.mdb is not a regular file");
    if (!read_meta(fd, 0, 0, &first) || !page_size_is_sane(first.trees[0].pad))
        return lmdb_error_damaged(err, folder, "data.mdb does not start as an LMDB file does");
    if ((uint64_t)info.st_size < 2ULL * first.trees[0].pad)
        return lmdb_error_damaged(err, folder, "data.mdb is cut off in its first pages");
    if (!read_meta(fd, first.trees[0].pad, 1, &second) || !meta_is_sane(&first, first.trees[0].pad) ||
        !meta_is_sane(&second, first.trees[0].pad))
        return lmdb_error_damaged(err, folder, "the first pages of data.mdb make no sense");
    return 0;
}

static bool wrong(struct walk *walk, const char *what, uint64_t page)
{
    snprintf(walk->what, sizeof(walk->what), "page %llu of data.mdb %s", (unsigned long long)page, what);
    return false;
}

static bool walk_tree(struct walk *walk, uint64_t number, unsigned depth);

static bool walk_big(struct walk *walk, const unsigned char *data, uint32_t length)
{
    uint64_t number;
    uint64_t count = ((uint64_t)length + sizeof(struct page_header) + walk->page_size - 1) / walk->page_size;

    memcpy(&number, data, sizeof(number));
    if (number < 2 || number >= walk->pages || count > walk->pages - number)
        return wrong(walk, "is cut off", number);
    return true;
}

static bool walk_leaf_node(struct walk *walk, const struct node *node, const unsigned char *data, size_t room,
                           uint64_t page)
{
    uint32_t length = (uint32_t)node->low | (uint32_t)node->high << 16;
    struct tree tree;

    if ((node->flags & NODE_BIG) != 0)
        return room >= sizeof(uint64_t) ? walk_big(walk, data, length) : wrong(walk, "is damaged", page);
    if (length > room)
        return wrong(walk, "is damaged", page);
    if ((node->flags & NODE_TREE) == 0)
        return true;
    if (length != sizeof(tree))
        return wrong(walk, "is damaged", page);
    memcpy(&tree, data, sizeof(tree));
    return tree.root == NO_PAGE || walk_tree(walk, tree.root, tree.depth);
}

static bool walk_node(struct walk *walk, const unsigned char *bytes, const struct page_header *header,
                      size_t index, unsigned depth)
{
    uint16_t offset;
    struct node node;
    size_t data;

    memcpy(&offset, bytes + sizeof(*header) + 2 * index, sizeof(offset));
    if (offset < header->upper || offset + sizeof(node) > walk->page_size)
        return wrong(walk, "is damaged", header->number);
    memcpy(&node, bytes + offset, sizeof(node));
    data = offset + sizeof(node) + node.key_length;
    if (data > walk->page_size)
        return wrong(walk, "is damaged", header->number);
    if ((header->flags & PAGE_BRANCH) != 0)
        return walk_tree(walk, (uint64_t)node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32,
                         depth - 1);
    return walk_leaf_node(walk, &node, bytes + data, walk->page_size - data, header->number);
}

static bool walk_page(struct walk *walk, const unsigned char *bytes, uint64_t number, unsigned depth)
{
    struct page_header header;
    unsigned kind;

    memcpy(&header, bytes, sizeof(header));
    kind = header.flags & (PAGE_BRANCH | PAGE_LEAF | PAGE_OVERFLOW | PAGE_META);
    if (header.number != number || kind != (depth > 1 ? PAGE_BRANCH : PAGE_LEAF) ||
        header.lower < sizeof(header) || header.lower > header.upper || header.upper > walk->page_size)
        return wrong(walk, "is damaged", number);
    for (size_t i = 0; i < (header.lower - sizeof(header)) / 2; i++) {
        if (!walk_node(walk, bytes, &header, i, depth))
            return false;
    }
    return true;
}

/* Every page that can be reached must be there; `budget` pages are read as well. */
static bool walk_tree(struct walk *walk, uint64_t number, unsigned depth)
{
    unsigned char *bytes;
    bool sound;

    if (number < 2 || number >= walk->pages)
        return wrong(walk, "is cut off", number);
    if (depth == 0 || depth > TREE_DEPTH_MOST)
        return wrong(walk, "is damaged", number);
    if (walk->budget == 0)
        return true;
    walk->budget--;
    bytes = malloc(walk->page_size);
    if (bytes == NULL)
        return wrong(walk, "cannot be checked: out of memory", number);
    sound =
        pread(walk->fd, bytes, walk->page_size, (off_t)(number * walk->page_size)) == (ssize_t)walk->page_size
            ? walk_page(walk, bytes, number, depth)
            : wrong(walk, "cannot be read", number);
    free(bytes);
    return sound;
}

int page_check_trees(int fd, uint64_t txn_id, uint64_t budget, const char *folder, struct error *err)
{
    struct walk walk = {.fd = fd, .budget = budget};
    struct meta meta;
    struct stat info;

    /* A later commit may have taken this slot since: the pages of its trees are as safe from reuse. */
    if (fstat(fd, &info) != 0 || !read_meta(fd, 0, 0, &meta))
        return lmdb_error_damaged(err, folder, "data.mdb cannot be read");
    walk.page_size = meta.trees[0].pad;
    if ((txn_id & 1) != 0 && !read_meta(fd, walk.page_size, 1, &meta))
        return lmdb_error_damaged(err, folder, "data.mdb cannot be read");
    walk.pages = (uint64_t)info.st_size / walk.page_size;
    if (walk.pages <= meta.last_page)
        walk.budget = walk.pages; /* more can only be a circle */
    for (int i = 0; i < 2; i++) {
        if (meta.trees[i].root != NO_PAGE && !walk_tree(&walk, meta.trees[i].root, meta.trees[i].depth))
            return lmdb_error_damaged(err, folder, walk.what);
    }
    return 0;
}
