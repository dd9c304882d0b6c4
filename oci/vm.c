#include "base/cleanup.h"
#include "oci/tables.h"

static const struct decode_field hypervisor_fields[] = {
        DECODE_STRING(struct oci_vm, hypervisor_path, "path", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_STRINGS(struct oci_vm, hypervisor_parameters, "parameters", 0),
};
static const struct decode_table hypervisor_table = DECODE_TABLE(struct oci_vm, hypervisor_fields, NULL);

static const struct decode_field kernel_fields[] = {
        DECODE_STRING(struct oci_vm, kernel_path, "path", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_STRINGS(struct oci_vm, kernel_parameters, "parameters", 0),
        DECODE_STRING(struct oci_vm, kernel_initrd, "initrd", DECODE_EMPTY_IS_ABSENT | DECODE_ABSOLUTE),
};
static const struct decode_table kernel_table = DECODE_TABLE(struct oci_vm, kernel_fields, NULL);

static const struct word image_formats[] = {{"raw", 0}, {"qcow2", 1}, {"vdi", 2}, {"vmdk", 3}, {"vhd", 4}};
static const struct words image_format_words = {.n = ELEMENTS(image_formats), .v = image_formats};

/* The formats of the specification, by their names: which of them can be opened is the VM side's business. */
static int image_format(struct decoder *decoder, const struct json_node *node, void *value)
{
        uint64_t format = 0;
        int r = decode_word(decoder, node, &image_format_words, &format);

        if (r == 0)
                *(const char **)value = word_name(&image_format_words, format);
        return r;
}

static const struct decode_field image_fields[] = {
        DECODE_STRING(struct oci_vm, image_path, "path", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_CUSTOM(struct oci_vm, image_format, "format", image_format, 0),
};

static int check_image(struct decoder *decoder, void *structure)
{
        struct oci_vm *vm = structure;

        (void)decoder;
        if (!vm->image_format)
                vm->image_format = "raw";
        return 0;
}

static const struct decode_table image_table = DECODE_TABLE(struct oci_vm, image_fields, check_image);

/* Pass-through of device tree nodes, I/O memory and interrupts as Xen does it: KVM has nothing like it, and leaving
 * asked-for hardware out would be a lie. */
static int xen_only(struct decoder *decoder, const struct json_node *node, void *value)
{
        int r = decode_expect(decoder, node, JSON_ARRAY);

        (void)value;
        if (r == 0 && node->n > 0)
                return decode_refuse(decoder, NULL, "not supported: only Xen can pass these through");
        return r;
}

static const struct decode_field hardware_fields[] = {
        DECODE_STRING(struct oci_vm, device_tree, "deviceTree", DECODE_EMPTY_IS_ABSENT | DECODE_ABSOLUTE),
        DECODE_OPTIONAL_U64(struct oci_vm, vcpus, "vcpus", 1, UINT32_MAX, 0),
        DECODE_OPTIONAL_U64(struct oci_vm, memory, "memory", 1, UINT64_MAX, 0),
        DECODE_CUSTOM(struct oci_vm, set, "dtdevs", xen_only, 0),
        DECODE_CUSTOM(struct oci_vm, set, "iomems", xen_only, 0),
        DECODE_CUSTOM(struct oci_vm, set, "irqs", xen_only, 0),
};
static const struct decode_table hardware_table = DECODE_TABLE(struct oci_vm, hardware_fields, NULL);

struct vm_entry {
        struct oci_vm vm;
        bool by_text, by_binding;
};

/* The text and the schema write hwConfig, the Go binding hwconfig. */
static const struct decode_field vm_fields[] = {
        DECODE_OBJECT(struct vm_entry, vm, "hypervisor", &hypervisor_table, 0),
        DECODE_OBJECT(struct vm_entry, vm, "kernel", &kernel_table, DECODE_REQUIRED),
        DECODE_OBJECT(struct vm_entry, vm, "image", &image_table, 0),
        DECODE_OBJECT_SET(struct vm_entry, vm, by_text, "hwConfig", &hardware_table, 0),
        DECODE_OBJECT_SET(struct vm_entry, vm, by_binding, "hwconfig", &hardware_table, 0),
};

static int check_vm(struct decoder *decoder, void *structure)
{
        const struct vm_entry *entry = structure;

        if (entry->by_text && entry->by_binding)
                return decode_refuse(decoder, "hwconfig", "hwConfig is there already, and both mean the same");
        return 0;
}

static const struct decode_table vm_table = DECODE_TABLE(struct vm_entry, vm_fields, check_vm);

int vm_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct vm_entry entry = {0};
        int r = decode_object(decoder, &vm_table, node, &entry);

        if (r < 0)
                return r;
        *(struct oci_vm *)value = entry.vm;
        ((struct oci_vm *)value)->set = true;
        return 0;
}
