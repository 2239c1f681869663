drop table taskflow.operation_item, taskflow.operation;
