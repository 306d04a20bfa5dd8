/** What an error that ended a job looks like, in the row and in the API. */
export interface JobError {
  code: string;
  message: string;
  param?: string | undefined;
}
