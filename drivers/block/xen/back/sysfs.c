// SPDX-License-Identifier: GPL-2.0
/*
 * What a device shows in sysfs, which stays as it is: the names are those that
 * programs have long known.
 */
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

static ssize_t rd_req_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_READS));
}
static DEVICE_ATTR_RO(rd_req);

static ssize_t wr_req_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_WRITES));
}
static DEVICE_ATTR_RO(wr_req);

static ssize_t f_req_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_FLUSHES));
}
static DEVICE_ATTR_RO(f_req);

static ssize_t ds_req_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_DISCARDS));
}
static DEVICE_ATTR_RO(ds_req);

static ssize_t oo_req_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_WAITS));
}
static DEVICE_ATTR_RO(oo_req);

static ssize_t rd_sect_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_READ_SECTORS));
}
static DEVICE_ATTR_RO(rd_sect);

static ssize_t wr_sect_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_WRITE_SECTORS));
}
static DEVICE_ATTR_RO(wr_sect);

static ssize_t errors_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_ERRORS));
}
static DEVICE_ATTR_RO(errors);

static ssize_t refusals_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%llu\n", total(dev, BLKBACK_REFUSALS));
}
static DEVICE_ATTR_RO(refusals);

static struct attribute *statistics_attrs[] = {
	&dev_attr_rd_req.attr,
	&dev_attr_wr_req.attr,
	&dev_attr_f_req.attr,
	&dev_attr_ds_req.attr,
	&dev_attr_oo_req.attr,
	&dev_attr_rd_sect.attr,
	&dev_attr_wr_sect.attr,
	&dev_attr_errors.attr,
	&dev_attr_refusals.attr,
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
