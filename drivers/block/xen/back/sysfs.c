// SPDX-License-Identifier: GPL-2.0
/*
 * What a device shows in sysfs, which stays as it is: the names are those that
 * programs have long known.
 */
#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/kdev_t.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "back.h"

/* The counters of all connections, that of now included */
static u64 total(struct device *dev, enum blkback_counter what)
{
	struct blkback *back = dev_get_drvdata(dev);
	u64 sum;
	unsigned int i;

	mutex_lock(&back->lock);
	sum = back->past.counters[what];
	for (i = 0; back->conn && i < back->conn->nr_queues; i++)
		sum += READ_ONCE(back->conn->queues[i]->stats.counters[what]);
	mutex_unlock(&back->lock);
	return sum;
}

struct counter_attribute {
	struct device_attribute attr;
	enum blkback_counter what;
};

static ssize_t counter_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct counter_attribute *counter =
		container_of(attr, struct counter_attribute, attr);

	return sysfs_emit(buf, "%llu\n", total(dev, counter->what));
}

#define COUNTER_ATTR(_name, _what)					\
	static struct counter_attribute dev_attr_##_name = {		\
		.attr = __ATTR(_name, 0444, counter_show, NULL),	\
		.what = (_what),					\
	}

COUNTER_ATTR(rd_req, BLKBACK_READS);
COUNTER_ATTR(wr_req, BLKBACK_WRITES);
COUNTER_ATTR(f_req, BLKBACK_FLUSHES);
COUNTER_ATTR(ds_req, BLKBACK_DISCARDS);
COUNTER_ATTR(oo_req, BLKBACK_WAITS);
COUNTER_ATTR(rd_sect, BLKBACK_READ_SECTORS);
COUNTER_ATTR(wr_sect, BLKBACK_WRITE_SECTORS);
COUNTER_ATTR(errors, BLKBACK_ERRORS);
COUNTER_ATTR(refusals, BLKBACK_REFUSALS);

static struct attribute *statistics_attrs[] = {
	&dev_attr_rd_req.attr.attr,
	&dev_attr_wr_req.attr.attr,
	&dev_attr_f_req.attr.attr,
	&dev_attr_ds_req.attr.attr,
	&dev_attr_oo_req.attr.attr,
	&dev_attr_rd_sect.attr.attr,
	&dev_attr_wr_sect.attr.attr,
	&dev_attr_errors.attr.attr,
	&dev_attr_refusals.attr.attr,
	NULL
};

static const struct attribute_group statistics_group = {
	.name = "statistics",
	.attrs = statistics_attrs,
};

static ssize_t physical_device_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct blkback *back = dev_get_drvdata(dev);
	dev_t number;

	mutex_lock(&back->lock);
	number = back->disk.file ? back->disk.dev : 0;
	mutex_unlock(&back->lock);
	return sysfs_emit(buf, "%x:%x\n", MAJOR(number), MINOR(number));
}
static DEVICE_ATTR_RO(physical_device);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct blkback *back = dev_get_drvdata(dev);
	bool readonly;

	mutex_lock(&back->lock);
	readonly = back->disk.readonly;
	mutex_unlock(&back->lock);
	return sysfs_emit(buf, "%s\n", readonly ? "r" : "w");
}
static DEVICE_ATTR_RO(mode);

static struct attribute *device_attrs[] = {
	&dev_attr_physical_device.attr,
	&dev_attr_mode.attr,
	NULL
};

static const struct attribute_group device_group = {
	.attrs = device_attrs,
};

const struct attribute_group *blkback_sysfs_groups[] = {
	&device_group,
	&statistics_group,
	NULL
};
